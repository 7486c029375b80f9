"""How the app proves itself, and how a machine without a web address signs in."""

import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from azure.core.credentials import AccessToken
from cryptography.hazmat.primitives.asymmetric import rsa

from local.stack.app_settings import Graph
from local.stack.plan import SignInPlan
from local.stack.sign_in import token_by_code
from local.stand_ins.entra.people import DEVICE_CLIENT_ID, SAM, TENANT
from local.stand_ins.entra.stand_in import Plan, StandIn
from shared.adapters.entra import Entra, assertion_of
from shared.adapters.one_host import OneHostClient, WrongHost
from shared.errors import TokenUnavailable
from shared.sign_in.account import Account
from shared.sign_in.id_token import Expected, person_of
from shared.sign_in.pending_sign_in import Purpose
from shared.sign_in.person import Person
from shared.sign_in.ports import Granted
from tests.sign_in.browser import Visitor
from tests.sign_in.office import GRAPH, ROOT, registration

_KEY = rsa.generate_private_key(65537, 2048)


def _now() -> datetime:
    """The stand-in's tokens are dated by the clock, so the present is asked for when it is needed."""
    return datetime.now(UTC)


_CLIENT = "todo-attach-assertion"


@dataclass
class Identity:
    """In place of a managed identity: its tokens are what the stand-in takes as this client's assertion."""

    audience: str
    asked: list[str]

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.asked += scopes
        now = int(time.time())
        claims = {
            "iss": _CLIENT,
            "sub": _CLIENT,
            "aud": self.audience,
            "exp": now + 60,
            "iat": now,
            "jti": uuid.uuid4().hex,
        }
        return AccessToken(jwt.encode(claims, _KEY, algorithm="RS256"), now + 60)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(_KEY.public_key()))
    plan = Plan(redirect_uri=f"{ROOT}/connected", graph=GRAPH, assertion_jwk=jwk)
    with StandIn(plan, tmp_path_factory.mktemp("entra")) as running:
        yield running


def granted_to(entra: StandIn, app: Entra) -> Granted:
    url, flow = app.begin(Purpose.CONNECT)
    visitor = Visitor(entra.origin, entra.certificate.authority)
    granted = app.redeem(Purpose.CONNECT, flow, visitor.sign_in(url, SAM))
    visitor.close()
    assert isinstance(granted, Granted)
    return granted


def test_the_managed_identitys_token_is_the_client_credential_and_there_is_no_secret(entra: StandIn) -> None:
    identity = Identity(f"{entra.origin}/{TENANT}/v2.0", [])
    app = Entra(registration(entra, client_id=_CLIENT, client_credential=assertion_of(identity, entra.origin)))
    granted = granted_to(entra, app)
    person = Person(SAM.oid, SAM.tid, SAM.name)
    refreshed = app.refresh(Account(person, granted.home_account_id, _now(), granted.cache), "")
    assert refreshed.token
    assert all(entry["has_assertion"] for entry in entra.log() if entry["client_id"] == _CLIENT)
    assert set(identity.asked) == {"api://AzureADTokenExchange/.default"}


def test_each_cloud_has_its_own_audience_for_the_client_credential() -> None:
    asked: list[str] = []
    identity = Identity("", asked)
    assertion_of(identity, "https://login.microsoftonline.us/tenant")["client_assertion"]()
    assert asked == ["api://AzureADTokenExchangeUSGov/.default"]


def test_a_refused_client_credential_is_the_operators_matter_and_nobody_is_asked_to_sign_in(entra: StandIn) -> None:
    granted = granted_to(entra, Entra(registration(entra)))
    expired = Entra(registration(entra, client_credential="an old secret"))
    with pytest.raises(TokenUnavailable, match="app's client credential"):
        expired.refresh(Account(Person(SAM.oid, SAM.tid, SAM.name), granted.home_account_id, _now(), granted.cache), "")


def test_no_request_leaves_for_another_host(entra: StandIn) -> None:
    client = OneHostClient(entra.origin, str(entra.certificate.authority))
    with pytest.raises(WrongHost):
        client.post("https://login.microsoftonline.com/common/oauth2/v2.0/token", data={"refresh_token": "x"})
    with pytest.raises(WrongHost):
        client.get(entra.origin.replace("https", "http"))


def test_an_identity_provider_elsewhere_is_a_delay(entra: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its metadata name an address on another host, where the app's client credential would go."""
    app = Entra(registration(entra))
    monkeypatch.setattr(app._http, "_origin", ("elsewhere.example", 443))
    with pytest.raises(TokenUnavailable, match="another host"):
        app.begin(Purpose.CONNECT)


def test_the_environments_proxies_and_certificates_are_not_used(
    entra: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "other.pem").write_text("")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "other.pem"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert granted_to(entra, Entra(registration(entra))).cache


def test_a_certificate_of_nobody_is_not_accepted(entra: StandIn) -> None:
    with pytest.raises(TokenUnavailable, match="SSLError"):
        Entra(registration(entra, ca_file="")).begin(Purpose.CONNECT)


def test_a_laptop_signs_in_with_a_code_on_another_screen(entra: StandIn) -> None:
    app = Entra(registration(entra, client_id=DEVICE_CLIENT_ID, client_credential=None))
    message, flow = app.begin_on_another_screen()
    assert flow["user_code"] in message
    thread = threading.Thread(target=enter_code, args=(entra, flow["verification_uri"], flow["user_code"]))
    thread.start()
    granted = app.redeem_from_another_screen(flow)
    thread.join()
    assert isinstance(granted, Granted)
    person = person_of(granted.id_token_claims, Expected(DEVICE_CLIENT_ID, entra.origin, TENANT), _now())
    assert person == Person(SAM.oid, SAM.tid, SAM.name)
    assert app.refresh(Account(person, granted.home_account_id, _now(), granted.cache), "").token


def test_a_command_has_a_token_for_once_after_a_code(entra: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TODO_ATTACH_ENTRA_AUTHORITY", entra.origin)
    monkeypatch.setenv("TODO_ATTACH_ENTRA_CA_FILE", str(entra.certificate.authority))
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        found = re.fullmatch(r"Open (\S+) in any browser, and enter the code (\S+)", text)
        assert found is not None, text
        threading.Thread(target=enter_code, args=(entra, found[1], found[2])).start()

    plan = SignInPlan(client_id=DEVICE_CLIENT_ID, tenant=TENANT)
    token = token_by_code(plan, Graph(f"{GRAPH}/v1.0", {"you": ""}), say)
    assert token in entra.issued()
    assert len(said) == 1


def enter_code(entra: StandIn, url: str, code: str) -> None:
    """On the provider's own pages: the code, yes, the person."""
    visitor = Visitor(entra.origin, entra.certificate.authority)
    session = visitor._session
    page = session.post(url, data={**_hidden(session.get(url)), "user_code": code})
    page = session.post(url, data={**_hidden(page), "user_code": code, "confirm": "yes"})
    action = re.search(r'action="([^"]+)"', page.text)
    assert action is not None
    done = session.post(f"{entra.origin}{action[1]}", data={"person": SAM.oid})
    assert done.ok, done.text
    visitor.close()


def _hidden(page: requests.Response) -> dict[str, str]:
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
