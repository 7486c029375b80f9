"""Authentication: from a bearer token, or the token in an upload URL, to a mailbox or a refusal."""

from dataclasses import dataclass

from local.stand_ins.todo.behaviour import Behaviour
from local.stand_ins.todo.mailbox import Mailbox
from local.stand_ins.todo.refusals import Refusal
from local.stand_ins.todo.routes import SESSION_OPERATIONS, Operation, Route
from local.stand_ins.todo.store import Grant, Store
from local.stand_ins.todo.wire import Headers

# The reference: not supported with application permissions.
_DELEGATED_ONLY = frozenset(
    {Operation.CREATE_SESSION, Operation.POST_ATTACHMENT, Operation.PUT_SLICE, Operation.PUT_BARE}
)
_CLAIMS = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwgInZhbHVlIjoiMTYwNDEwNjY1MSJ9fX0="


@dataclass(frozen=True, slots=True)
class Caller:
    has_bearer: bool
    grant: Grant | None
    # The mailbox that the path means; None where this caller may not know whether there is one.
    mailbox: Mailbox | None
    # The upload URL has a token of its own, as for mail.
    by_url_token: bool = False


def identify(store: Store, route: Route, headers: Headers) -> Caller:
    authorization = headers.get("authorization", "")
    scheme, _, token = authorization.partition(" ")
    grant = store.grants.get(token) if scheme.lower() == "bearer" else None
    session = store.sessions.get(route.item_id) if route.operation in SESSION_OPERATIONS else None
    if session is not None and session.authtoken:
        known = route.query.get("authtoken") == session.authtoken
        return Caller(bool(authorization), grant, session.mailbox if known else None, by_url_token=known)
    if session is None and route.operation in SESSION_OPERATIONS and "authtoken" in route.query:
        # The session of this URL is gone: its owner gets an answer that says so, not one about a missing bearer token.
        owner = store.find_mailbox(route.user)
        return Caller(bool(authorization), grant, owner, by_url_token=owner is not None)
    return Caller(bool(authorization), grant, _mailbox_of(store, route, grant))


def refuse_caller(caller: Caller, behaviour: Behaviour, route: Route) -> Refusal | None:
    if caller.by_url_token:
        # Mail's answer to a request with a bearer token: microsoftgraph/msgraph-sdk-dotnet#1381.
        return (
            Refusal(401, "The audience claim value is invalid.", code="InvalidAudience") if caller.has_bearer else None
        )
    if caller.grant is None:
        message = "Access token validation failure." if caller.has_bearer else "Access token is empty."
        return Refusal(401, message, headers={"WWW-Authenticate": challenge(claims=False)})
    if behaviour.mailbox_for_rest != "enabled":
        message = "REST API is not yet supported for this mailbox."
        return Refusal(behaviour.mailbox_for_rest, message, code="MailboxNotEnabledForRESTAPI")
    by_application = caller.grant.mailbox is None
    if by_application and not route.user:
        return Refusal(400, "/me request is only valid with delegated authentication flow.", code="BadRequest")
    if caller.mailbox is None:
        return Refusal(403, "Access is denied. Check credentials and try again.")
    if by_application and route.operation in _DELEGATED_ONLY and behaviour.application_tokens != "accepted":
        return Refusal(behaviour.application_tokens, "Application permission is not supported.")
    return None


def challenge(*, claims: bool) -> str:
    """WWW-Authenticate: plain, or the claims challenge of continuous access evaluation."""
    text = 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
    return f'{text}, error="insufficient_claims", claims="{_CLAIMS}"' if claims else text


def _mailbox_of(store: Store, route: Route, grant: Grant | None) -> Mailbox | None:
    if grant is None:
        return None
    if grant.mailbox is None:
        return store.find_mailbox(route.user) if route.user else None
    return grant.mailbox if not route.user or grant.mailbox.answers_to(route.user) else None
