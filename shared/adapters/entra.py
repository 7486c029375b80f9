"""Entra (or another OpenID provider in its place), through MSAL.

Each call makes an MSAL application with a cache of its own. So two accounts never share a cache, and nothing that MSAL
remembers outlives the call.
"""

import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import msal
import msal.exceptions
import requests
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from shared.adapters.one_host import BadReply, OneHostClient, Throttled, WrongHost
from shared.core.account_name import ascii_lower
from shared.errors import SignInNeeded, TokenUnavailable
from shared.sign_in.account import Account, has_refresh_token, without_tokens_of_memory
from shared.sign_in.pending_sign_in import Purpose
from shared.sign_in.ports import Granted, NotGranted, Refreshed
from shared.sign_in.problems import LOOP_DETECTED, Problem, error_code, is_passing, problem_of

# MSAL recommends that the code comes back in a form. That is a cross-site POST, with which the browser does not send a
# SameSite=Lax cookie. And the code is useless without the cookie, the PKCE verifier and the app's client credential.
warnings.filterwarnings("ignore", message="response_mode='form_post'", category=UserWarning)

# Refusals that end only when the person signs in.
_PERSON_NEEDED = {"invalid_grant", "interaction_required", "login_required", "consent_required"}
# The identity provider rejects the app's own client credential: an expired secret, a missing federated credential.
_APP_REFUSED = {"invalid_client", "unauthorized_client"}
# The OAuth errors that our own texts repeat. No other part of a reply is repeated: it could hold any text.
_KNOWN_ERRORS = _PERSON_NEEDED | {"temporarily_unavailable", "server_error", "invalid_request", "invalid_scope"}
# The audiences of federated credentials, by the cloud's host.
_ASSERTION_SCOPES = {
    "login.microsoftonline.com": "api://AzureADTokenExchange/.default",
    "login.microsoftonline.us": "api://AzureADTokenExchangeUSGov/.default",
}
# How long to pause after Entra says that the app loops. Its documentation says "some minutes"; not seen live.
_LOOP_PAUSE = timedelta(minutes=5)
_LONGEST_PAUSE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Registration:
    """The app as the identity provider knows it. *client_credential*: None for a public client.

    *tenant* is that of a sign-in: an id, organizations, consumers or common.
    """

    client_id: str
    authority: str  # the identity provider's origin
    tenant: str
    scope: str
    redirect_uri: str
    client_credential: str | Mapping[str, Any] | None = field(repr=False)
    ca_file: str = ""


def assertion_of(identity: TokenCredential, authority: str) -> Mapping[str, Callable[[], str]]:
    """The client credential of an app without a secret: a token of its managed identity, fetched when MSAL needs it."""
    scope = _ASSERTION_SCOPES.get(urlsplit(authority).hostname or "", "api://AzureADTokenExchange/.default")
    return {"client_assertion": lambda: identity.get_token(scope).token}


class Entra:
    """`sign_in.ports.IdentityProvider`."""

    def __init__(self, registration: Registration) -> None:
        self._registration = registration
        self._http = OneHostClient(registration.authority, registration.ca_file)

    def begin(self, purpose: Purpose) -> tuple[str, Mapping[str, Any]]:
        is_disconnecting = purpose is Purpose.DISCONNECT
        with _provider_errors():
            flow = self._application(msal.SerializableTokenCache(), purpose).initiate_auth_code_flow(
                self._scopes(purpose),
                redirect_uri=self._registration.redirect_uri,
                # Otherwise Entra would silently sign in the person who happens to be signed in in that browser.
                prompt="login" if is_disconnecting else "select_account",
                max_age=0 if is_disconnecting else None,
            )
            url = str(flow.pop("auth_uri"))
            self._http.check(url)
        # With *max_age* in the flow, MSAL would check the age itself: it allows two minutes more, and gives no reason.
        # `id_token.freshness_problem` checks it.
        flow.pop("max_age", None)
        return url, flow

    def redeem(self, purpose: Purpose, flow: Mapping[str, Any], reply: Mapping[str, str]) -> Granted | NotGranted:
        cache = msal.SerializableTokenCache()
        with _provider_errors():
            try:
                result = self._application(cache, purpose).acquire_token_by_auth_code_flow(
                    dict(flow), dict(reply), scopes=self._scopes(purpose)
                )
            except (ValueError, RuntimeError):  # another state; another nonce
                return NotGranted(Problem.NOT_UNDERSTOOD)
        if result.get("error") in _APP_REFUSED:
            raise TokenUnavailable(_credential_refused(result))
        if "error" in result:
            return NotGranted(problem_of(result), error_code(result))
        return self._granted(purpose, result, cache.serialize())

    def refresh(self, account: Account, claims_challenge: str) -> Refreshed:
        cache = msal.SerializableTokenCache()
        cache.deserialize(account.cache)
        person = account.person
        with _provider_errors():
            application = self._application(cache, Purpose.CONNECT, tenant=person.authority_tenant)
            result = application.acquire_token_silent_with_error(
                self._scopes(Purpose.CONNECT),
                {
                    "home_account_id": account.home_account_id,
                    "environment": urlsplit(self._registration.authority).hostname,
                },
                force_refresh=True,
                claims_challenge=_checked_challenge(claims_challenge),
            )
        if result is None:
            raise SignInNeeded(person.name, "this account is stored without a refresh token")
        if "error" in result:
            raise _refusal(account, result)
        object_id = result.get("id_token_claims", {}).get("oid", person.object_id)
        if ascii_lower(str(object_id)) != person.object_id:
            raise SignInNeeded(person.name, "the identity provider replied for another person")
        return Refreshed(result["access_token"], _lifetime(result), without_tokens_of_memory(cache.serialize()))

    # -- with a code that the person enters on another screen, for a machine without a web address --

    def begin_on_another_screen(self) -> tuple[str, Mapping[str, Any]]:
        """The instruction for the person, and the flow to pass to `redeem_from_another_screen`."""
        with _provider_errors():
            flow = self._application(msal.SerializableTokenCache(), Purpose.CONNECT).initiate_device_flow(
                self._scopes(Purpose.CONNECT)
            )
            if "user_code" in flow:
                self._http.check(flow["verification_uri"], any_host=True)
        if "user_code" not in flow:
            raise TokenUnavailable(_credential_refused(flow))
        return f"Open {flow['verification_uri']} in any browser, and enter the code {flow['user_code']}", flow

    def redeem_from_another_screen(self, flow: Mapping[str, Any]) -> Granted | NotGranted:
        """Wait until the person has signed in there, or the code has expired."""
        cache = msal.SerializableTokenCache()
        with _provider_errors():
            result = self._application(cache, Purpose.CONNECT).acquire_token_by_device_flow(dict(flow))
        if "error" in result:
            late = result["error"] in {"expired_token", "authorization_pending", "code_expired"}
            return NotGranted(Problem.EXPIRED if late else problem_of(result), error_code(result))
        return self._granted(Purpose.CONNECT, result, cache.serialize())

    # --

    def _granted(self, purpose: Purpose, result: Mapping[str, Any], cache: str) -> Granted | NotGranted:
        claims = result.get("id_token_claims")
        if not claims:
            # Without an ID token, MSAL has not compared the nonce either.
            return NotGranted(Problem.NOT_UNDERSTOOD)
        if purpose is not Purpose.CONNECT:
            return Granted(claims, "", "")
        cache = without_tokens_of_memory(cache)
        scopes = str(result.get("scope", "")).lower().split()
        permission = self._registration.scope.rpartition("/")[2].lower()
        if not has_refresh_token(cache) or (scopes and not any(each.endswith(permission) for each in scopes)):
            return NotGranted(Problem.NO_PERMISSION)
        home_ids = {each["home_account_id"] for each in json.loads(cache)["RefreshToken"].values()}
        return Granted(claims, home_ids.pop(), cache)

    def _scopes(self, purpose: Purpose) -> list[str]:
        return [self._registration.scope] if purpose is Purpose.CONNECT else []

    def _application(self, cache: msal.SerializableTokenCache, purpose: Purpose, *, tenant: str = "") -> Any:
        registration = self._registration
        is_public = registration.client_credential is None
        application = msal.PublicClientApplication if is_public else msal.ConfidentialClientApplication
        return application(
            registration.client_id,
            client_credential=registration.client_credential,
            authority=f"{registration.authority}/{tenant or registration.tenant}",
            token_cache=cache,
            http_client=self._http,
            # Otherwise MSAL would ask a host of the global cloud which hosts are Microsoft's. The settings decide that.
            instance_discovery=False,
            # Graph then sends claims challenges, which `refresh` passes on.
            client_capabilities=["cp1"],
            # A sign-in that does not connect an account must leave no refresh token behind.
            exclude_scopes=[] if purpose is Purpose.CONNECT else ["offline_access"],
        )


@contextmanager
def _provider_errors() -> Iterator[None]:
    """Turn failures on the way to the identity provider into TokenUnavailable, without their text: it may hold URLs."""
    try:
        yield
    except WrongHost:
        raise TokenUnavailable("the identity provider names an address on another host") from None
    except BadReply:
        raise TokenUnavailable(
            "the reply from the identity provider's address is too long, too slow or compressed"
        ) from None
    except Throttled as error:
        seconds = error.seconds if error.seconds is not None else 60.0
        pause = min(timedelta(seconds=seconds), _LONGEST_PAUSE)
        raise TokenUnavailable("the identity provider throttles this app (HTTP 429)", pause) from None
    except (requests.RequestException, msal.exceptions.MsalError) as error:
        raise TokenUnavailable(f"no reply from the identity provider: {type(error).__name__}") from None
    except AzureError as error:
        raise TokenUnavailable(f"the app's managed identity gives no token: {type(error).__name__}") from None
    except (ValueError, RuntimeError) as error:
        raise TokenUnavailable(f"the identity provider cannot be used: {type(error).__name__}") from None


def _refusal(account: Account, result: Mapping[str, Any]) -> SignInNeeded | TokenUnavailable:
    code = error_code(result)
    error = result["error"] if result["error"] in _KNOWN_ERRORS else "refused"
    reason = f"{error} AADSTS{code}" if code else error
    if is_passing(result):
        pause = _LOOP_PAUSE if code == LOOP_DETECTED else None
        return TokenUnavailable(f"the identity provider gives no token for now ({reason})", pause)
    if result["error"] in _PERSON_NEEDED:
        return SignInNeeded(account.person.name, f"the sign-in is not valid any more ({reason})")
    if result["error"] in _APP_REFUSED:
        return TokenUnavailable(_credential_refused(result))
    return TokenUnavailable(f"the identity provider gives no token ({reason})")


def _credential_refused(result: Mapping[str, Any]) -> str:
    code = error_code(result)
    return f"the identity provider does not take the app's client credential{f' (AADSTS{code})' if code else ''}"


def _checked_challenge(text: str) -> str | None:
    """A challenge's claims if they are a JSON object: no other text of a server is passed on."""
    try:
        return text if isinstance(json.loads(text), dict) else None
    except ValueError:
        return None


def _lifetime(result: Mapping[str, Any]) -> timedelta:
    seconds = result.get("expires_in", 0)
    return timedelta(seconds=int(seconds) if isinstance(seconds, int | str) else 0)
