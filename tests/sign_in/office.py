"""The app's side of sign-in on real storage and a real OpenID provider, with a clock that a test turns."""

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from azure.data.tables import TableClient
from azure.storage.blob import ContainerClient

from local.stand_ins.entra.people import CLIENT_ID, TENANT, Resident
from local.stand_ins.entra.stand_in import StandIn
from shared.adapters.account_blobs import BlobAccountStore, KeyRing
from shared.adapters.account_keys import AccountKeys
from shared.adapters.entra import Entra, Registration
from shared.adapters.key_file import FileKey
from shared.adapters.pending_sign_in_blobs import BlobPendingSignIns
from shared.sign_in.account_tokens import ConnectedAccounts
from shared.sign_in.browser import BrowserRequest, BrowserResponse
from shared.sign_in.endpoints import SignInEndpoints
from shared.sign_in.id_token import Expected
from shared.sign_in.pages import Destination, Pages
from shared.sign_in.pending_sign_in import Purpose
from shared.sign_in.person import Person
from shared.sign_in.ports import AccountStore, IdentityProvider
from tests.sign_in.browser import Visitor
from tests.support.fakes.world import Records

ROOT = "http://127.0.0.1:7071/api"
GRAPH = "http://127.0.0.1:9"
CONNECT = f"{ROOT}/connect"


def registration(entra: StandIn, **changes: Any) -> Registration:
    usual = Registration(
        CLIENT_ID,
        entra.origin,
        TENANT,
        f"{GRAPH}/Tasks.ReadWrite",
        f"{ROOT}/connected",
        entra.plan.client_secret,
        ca_file=str(entra.certificate.authority),
    )
    return replace(usual, **changes)


@dataclass
class Office:
    """*elapsed*: seconds that the test has let pass, for `ConnectedAccounts` and for the endpoints."""

    entra: StandIn
    container: ContainerClient
    table: TableClient
    tenant: str = TENANT
    keys: KeyRing = field(default_factory=lambda: FileKey(os.urandom(32)))
    elapsed: float = 0.0
    records: Records = field(default_factory=Records)
    resumed: list[Person] = field(default_factory=list)
    disconnected: list[Person] = field(default_factory=list)
    _visitors: list[Visitor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.provider = Entra(registration(self.entra, tenant=self.tenant))
        self.keep_keys_in(self.keys)

    def keep_keys_in(self, keys: KeyRing) -> None:
        """From now on, as a process that has just started with *keys*."""
        self.store = BlobAccountStore(self.container, keys, AccountKeys(self.table), lambda: uuid.uuid4().hex)
        self.pending = BlobPendingSignIns(self.container)
        self.endpoints = self.endpoints_at(ROOT)

    def endpoints_at(self, root: str) -> SignInEndpoints:
        return SignInEndpoints(
            self.store,
            self.pending,
            self.provider,
            Expected(CLIENT_ID, self.entra.origin, self.tenant),
            Pages(root, self.entra.origin, CLIENT_ID, Destination("todoattach", "attachments", by_identity=True)),
            self.records,
            self.now,
            self._resume,
            self._open_files,
            self.disconnected.append,
        )

    def worker(
        self, *, store: AccountStore | None = None, provider: IdentityProvider | None = None
    ) -> ConnectedAccounts:
        """A worker process's tokens: what one knows, another does not."""
        return ConnectedAccounts(store or self.store, provider or self.provider, CONNECT, lambda: self.elapsed)

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.elapsed)

    def _resume(self, person: Person) -> int:
        self.resumed.append(person)
        return 0

    def _open_files(self, person: Person, _request: BrowserRequest) -> BrowserResponse:
        return BrowserResponse(
            303, {"Location": f"{ROOT}/files", "Set-Cookie": f"todo-attach-files={person.object_id}"}
        )

    # -- a person --

    def visitor(self) -> Visitor:
        self._visitors.append(Visitor(self.entra.origin, self.entra.certificate.authority))
        return self._visitors[-1]

    def begin(self, headers: dict[str, str] | None = None) -> BrowserResponse:
        """A person opens `connect`."""
        return self.endpoints.respond("connect", BrowserRequest("GET", {}, headers or {}))

    def begin_to_disconnect(self, headers: dict[str, str] | None = None) -> BrowserResponse:
        """A person presses the button of `disconnect`."""
        return self.endpoints.respond("disconnect", BrowserRequest("POST", {}, headers or {}))

    def sign_in_to_see_files(self, person: Resident) -> BrowserResponse:
        return self._go_through(lambda: self.endpoints.begin(Purpose.FILES), person)

    def connect(self, person: Resident) -> BrowserResponse:
        """The whole way of a person who connects."""
        return self._go_through(self.begin, person)

    def disconnect(self, person: Resident) -> BrowserResponse:
        return self._go_through(self.begin_to_disconnect, person)

    def _go_through(self, begin: Callable[[], BrowserResponse], person: Resident) -> BrowserResponse:
        begun = begin()
        return self.come_back(begun, self.visitor().sign_in(begun.headers["Location"], person))

    def come_back(self, begun: BrowserResponse, reply: dict[str, str], *, cookie: str | None = None) -> BrowserResponse:
        """The identity provider sends the browser back. *cookie*: in place of the one that it was given."""
        headers = {"cookie": cookie_of(begun) if cookie is None else cookie}
        return self.endpoints.respond("connected", BrowserRequest("GET", reply, headers))

    def close(self) -> None:
        for visitor in self._visitors:
            visitor.close()


def cookie_of(begun: BrowserResponse) -> str:
    """As a browser sends it back."""
    return begun.headers["Set-Cookie"].partition(";")[0]


def goes_to(response: BrowserResponse, origin: str) -> bool:
    parts = urlsplit(response.headers["Location"])
    return f"{parts.scheme}://{parts.netloc}" == origin
