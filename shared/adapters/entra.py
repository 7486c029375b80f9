"""Entra (or another OpenID provider in its place), through MSAL.

An application object per call, on a cache of its own: accounts never meet in one cache, and nothing that MSAL keeps
outlives the call.
"""

import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import msal
import msal.exceptions
import requests
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from requests.adapters import HTTPAdapter

from shared.errors import SignInNeeded, TokenUnavailable
from shared.sign_in.account import Account, has_refresh_token, kept
from shared.sign_in.pending_sign_in import Purpose
from shared.sign_in.ports import Failed, Granted, Refreshed
from shared.sign_in.problems import Problem, error_code, problem_of

# MSAL recommends that the code comes back in a form. That would be a cross-site POST, with which the browser sends no
# SameSite=Lax cookie; and the code is worth nothing without cookie, PKCE verifier and the app's proof.
warnings.filterwarnings("ignore", message="response_mode='form_post'", category=UserWarning)

_TIMEOUT_SECONDS = (5, 15)
# Of a refusal that only the person can lift.
_PERSON_NEEDED = {"invalid_grant", "interaction_required", "login_required", "consent_required"}
# The audiences of federated credentials, by the cloud's host.
_ASSERTION_SCOPES = {
    "login.microsoftonline.com": "api://AzureADTokenExchange/.default",
    "login.microsoftonline.us": "api://AzureADTokenExchangeUSGov/.default",
}


@dataclass(frozen=True, slots=True)
class Registration:
    """The app as the identity provider knows it. *proof*: None for a public client."""

    client_id: str
    authority: str  # https://HOST/TENANT
    scope: str
    redirect_uri: str
    proof: str | Mapping[str, Any] | None = field(repr=False)
    ca_file: str = ""


def assertion_of(credential: TokenCredential, authority: str) -> Mapping[str, Callable[[], str]]:
    """The proof of an app without a secret: the token of its managed identity, fetched when it is needed."""
    scope = _ASSERTION_SCOPES.get(urlsplit(authority).hostname or "", "api://AzureADTokenExchange/.default")
    return {"client_assertion": lambda: credential.get_token(scope).token}


class Entra:
    """`sign_in.ports.IdentityProvider`."""

    def __init__(self, registration: Registration) -> None:
        self._registration = registration
        self._session = _OneHost(registration.authority, registration.ca_file)

    def begin(self, purpose: Purpose) -> tuple[str, Mapping[str, Any]]:
        with _Told():
            flow = self._application(msal.SerializableTokenCache(), purpose).initiate_auth_code_flow(
                self._scopes(purpose),
                redirect_uri=self._registration.redirect_uri,
                # Never silently as whoever happens to be signed in there.
                prompt="select_account" if purpose is Purpose.CONNECT else "login",
            )
        url = str(flow.pop("auth_uri"))
        self._session.check(url)
        return url, flow

    def finish(self, purpose: Purpose, flow: Mapping[str, Any], reply: Mapping[str, str]) -> Granted | Failed:
        cache = msal.SerializableTokenCache()
        with _Told():
            try:
                result = self._application(cache, purpose).acquire_token_by_auth_code_flow(
                    dict(flow), dict(reply), scopes=self._scopes(purpose)
                )
            except (ValueError, RuntimeError):  # another state; another nonce
                return Failed(Problem.NOT_UNDERSTOOD)
        if result.get("error") in {"invalid_client", "unauthorized_client"}:
            raise TokenUnavailable(_not_proven(result))
        if "error" in result:
            return Failed(problem_of(result), error_code(result))
        return self._granted(purpose, result, cache.serialize())

    def refresh(self, account: Account, claims: str) -> Refreshed:
        cache = msal.SerializableTokenCache()
        cache.deserialize(account.cache)
        with _Told():
            result = self._application(cache, Purpose.CONNECT).acquire_token_silent_with_error(
                self._scopes(Purpose.CONNECT),
                {"home_account_id": account.home, "environment": urlsplit(self._registration.authority).hostname},
                force_refresh=True,
                claims_challenge=_claims(claims),
            )
        if result is None:
            raise SignInNeeded(account.person.name, "nothing is kept that a token could be had with")
        if "error" in result:
            raise _refusal(account, result)
        told = result.get("id_token_claims", {}).get("oid", account.person.object_id)
        if told != account.person.object_id:
            raise SignInNeeded(account.person.name, "the identity provider answered for another person")
        return Refreshed(result["access_token"], _lifetime(result), kept(cache.serialize()))

    # -- with a code on another screen, for a machine without a web address --

    def begin_on_another_screen(self) -> tuple[str, Mapping[str, Any]]:
        """What to tell the person, and what to pass to `finish_on_another_screen`."""
        with _Told():
            flow = self._application(msal.SerializableTokenCache(), Purpose.CONNECT).initiate_device_flow(
                self._scopes(Purpose.CONNECT)
            )
        if "user_code" not in flow:
            raise TokenUnavailable(_not_proven(flow))
        self._session.check(flow["verification_uri"], any_host=True)
        return f"Open {flow['verification_uri']} in any browser, and enter the code {flow['user_code']}", flow

    def finish_on_another_screen(self, flow: Mapping[str, Any]) -> Granted | Failed:
        """Wait until the person has signed in there, or the code has run out."""
        cache = msal.SerializableTokenCache()
        with _Told():
            result = self._application(cache, Purpose.CONNECT).acquire_token_by_device_flow(dict(flow))
        if "error" in result:
            late = result["error"] in {"expired_token", "authorization_pending", "code_expired"}
            return Failed(Problem.EXPIRED if late else problem_of(result), error_code(result))
        return self._granted(Purpose.CONNECT, result, cache.serialize())

    # --

    def _granted(self, purpose: Purpose, result: Mapping[str, Any], cache: str) -> Granted | Failed:
        claims = result.get("id_token_claims")
        if not claims:
            # Without an id token MSAL has compared no nonce either.
            return Failed(Problem.NOT_UNDERSTOOD)
        if purpose is Purpose.DISCONNECT:
            return Granted(claims, "", "")
        cache = kept(cache)
        scopes = str(result.get("scope", "")).lower().split()
        permission = self._registration.scope.rpartition("/")[2].lower()
        if not has_refresh_token(cache) or (scopes and not any(each.endswith(permission) for each in scopes)):
            return Failed(Problem.NO_PERMISSION)
        homes = {each["home_account_id"] for each in json.loads(cache)["RefreshToken"].values()}
        return Granted(claims, homes.pop(), cache)

    def _scopes(self, purpose: Purpose) -> list[str]:
        return [self._registration.scope] if purpose is Purpose.CONNECT else []

    def _application(self, cache: msal.SerializableTokenCache, purpose: Purpose) -> Any:
        registration = self._registration
        kind = msal.PublicClientApplication if registration.proof is None else msal.ConfidentialClientApplication
        return kind(
            registration.client_id,
            client_credential=registration.proof,
            authority=registration.authority,
            token_cache=cache,
            http_client=self._session,
            # Which hosts are Microsoft's is decided in the settings, not asked of the global cloud.
            instance_discovery=False,
            # Graph then sends claims challenges, which `refresh` passes on.
            client_capabilities=["cp1"],
            # Who disconnects leaves nothing behind that could be refreshed.
            exclude_scopes=["offline_access"] if purpose is Purpose.DISCONNECT else [],
        )


class _OneHost(requests.Session):
    """Speaks with the authority's host only: no secret and no token ever goes to another cloud."""

    def __init__(self, authority: str, ca_file: str) -> None:
        super().__init__()
        # No proxy, no .netrc, no CA bundle from the environment.
        self.trust_env = False
        self.verify = ca_file or True
        self.mount("https://", HTTPAdapter(max_retries=0, pool_maxsize=32))
        self._origin = _origin(authority)

    def check(self, url: str, *, any_host: bool = False) -> None:
        if not url.startswith("https://") or (_origin(url) != self._origin and not any_host):
            raise TokenUnavailable("the identity provider names an address on another host")

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        self.check(str(url))
        return super().request(method, url, *args, **{"timeout": _TIMEOUT_SECONDS, **kwargs, "allow_redirects": False})


class _Told:
    """What goes wrong on the way to the identity provider, as TokenUnavailable, without its text: it may hold URLs."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, requests.RequestException | msal.exceptions.MsalError):
            raise TokenUnavailable(f"no answer from the identity provider: {type(error).__name__}") from None
        if isinstance(error, AzureError):
            raise TokenUnavailable(f"the app's own identity yields no token: {type(error).__name__}") from None
        if isinstance(error, ValueError | RuntimeError):
            raise TokenUnavailable(f"the identity provider cannot be used: {type(error).__name__}") from None


def _refusal(account: Account, result: Mapping[str, Any]) -> SignInNeeded | TokenUnavailable:
    code = error_code(result)
    told = f"{result['error'] if result['error'] in _KNOWN_ERRORS else 'refused'}{f' {code}' if code else ''}"
    if result["error"] in _PERSON_NEEDED:
        return SignInNeeded(account.person.name, f"the sign-in is not valid any more ({told})")
    if result["error"] in {"invalid_client", "unauthorized_client"}:
        return TokenUnavailable(_not_proven(result))
    return TokenUnavailable(f"the identity provider gives no token ({told})")


_KNOWN_ERRORS = _PERSON_NEEDED | {"temporarily_unavailable", "server_error", "invalid_request", "invalid_scope"}


def _not_proven(result: Mapping[str, Any]) -> str:
    """The app's proof was refused: an operator's matter (an expired secret, a missing federated credential)."""
    code = error_code(result)
    return f"the identity provider does not take the app's proof{f' (AADSTS{code})' if code else ''}"


def _claims(text: str) -> str | None:
    """A challenge's claims, if they are what they should be: a server's text is not passed on unseen."""
    try:
        return text if isinstance(json.loads(text), dict) else None
    except ValueError:
        return None


def _lifetime(result: Mapping[str, Any]) -> timedelta:
    seconds = result.get("expires_in", 0)
    return timedelta(seconds=int(seconds) if isinstance(seconds, int | str) else 0)


def _origin(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or 443
