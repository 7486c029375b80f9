"""The settings, read from the environment that `wiring` hands over. Nothing else in the app reads it.

All mistakes are reported at once, each with its name, value and remedy. docs/configuration.md lists the settings;
tests/test_settings_parity.py keeps this module, that table, the sample file and the infrastructure in step.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from shared.core.account_name import as_object_id, as_sign_in_name
from shared.core.blob_path import DEFAULT_PATTERNS, PathPattern, parse_patterns
from shared.core.limits import Limits
from shared.core.pacing import LEASE, Budget, MailboxLimits
from shared.core.path_account import parse_path_accounts
from shared.core.ranges import MAX_SLICE_BYTES
from shared.errors import SettingsError

CONNECTION = "AttachmentStorage"
MAX_FILE_BYTES = 26_214_400

# The roots where To Do exists. China's cloud (21Vianet) has Graph but not this API.
KNOWN_ROOTS = {
    "graph.microsoft.com": "global",
    "graph.microsoft.us": "US Government L4",
    "dod-graph.microsoft.us": "US Government L5",
}
# The identity provider of each Graph. A token of one cloud must never go to a host of another.
_AUTHORITIES = {
    "graph.microsoft.com": "https://login.microsoftonline.com",
    "graph.microsoft.us": "https://login.microsoftonline.us",
    "dod-graph.microsoft.us": "https://login.microsoftonline.us",
}
_VAULTS = {
    "graph.microsoft.com": ".vault.azure.net",
    "graph.microsoft.us": ".vault.usgovcloudapi.net",
    "dod-graph.microsoft.us": ".vault.usgovcloudapi.net",
}
_CHINA = "microsoftgraph.chinacloudapi.cn"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
# How long the host keeps a message from other workers. A claim must end long before the message of a dead worker is
# delivered again.
_QUEUE_LEASE_SECONDS = 600
_DAY_SECONDS = 86_400
# A deleted blob can be restored for seven days (infra/main.bicep says so). Event Grid tries for one day to deliver an
# event, and a queue delays a message for seven days at most.
_LEAST_DAYS_KEPT = 8


@dataclass(frozen=True, slots=True)
class Connection:
    """One storage account: a connection string, or service URIs with a managed identity."""

    connection_string: str = field(default="", repr=False)
    blob_uri: str = ""
    queue_uri: str = ""
    table_uri: str = ""
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class SignIn:
    """How people connect their To Do. *key*: a key in Key Vault (https), or the path of a key file."""

    client_id: str
    authority: str  # the identity provider's origin
    tenant: str
    client_credential: str  # managed-identity, client-secret, or none for a public client
    client_secret: str = field(repr=False)
    ca_file: str
    url: str  # the app's own root, as browsers reach it: .../api
    container: str
    table: str  # of the accounts' own keys
    key: str
    scope: str


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration of this deployment. Sizes in bytes."""

    storage: Connection
    container: str
    queue: str
    table: str
    graph_root: str
    mailbox_by_id: bool
    default_account: str
    tokens: Mapping[str, str] = field(repr=False)
    delete_attached: bool
    delete_sent: bool  # the same as delete_attached, for what people send through the page
    read_back: bool
    paths: tuple[PathPattern, ...]  # how a blob's path names its task; empty: only metadata does
    path_accounts: Mapping[str, str]  # prefix of a blob's path -> account; empty: no path belongs to an account
    names_others: bool  # a rejection names the account's other lists and tasks
    stalled_after: timedelta
    catch_up_time: timedelta
    limits: Limits
    mailbox_limits: MailboxLimits
    pace_of_the_app: bool
    dead_letters: str = ""  # the container of Event Grid's dead letters; empty: they are not kept
    sign_in: SignIn | None = None  # None: `tokens` are used in its place
    telemetry: bool = False  # the worker has set up OpenTelemetry
    keep_finished: timedelta | None = None  # how long the entry of a finished upload outlives its blob; None: for ever

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and check the whole configuration. Raises SettingsError naming every mistake."""
        read = _Reader(environ)
        deadline = read.number("TODO_ATTACH_REQUEST_DEADLINE_SECONDS", 90, at_least=0.5, at_most=240)
        margin = read.number("TODO_ATTACH_CLAIM_MARGIN_SECONDS", 30, at_least=3, at_most=120)
        if deadline + margin > _QUEUE_LEASE_SECONDS / 2:
            read.mistake(
                "TODO_ATTACH_REQUEST_DEADLINE_SECONDS",
                f"{deadline:g}",
                f"together with TODO_ATTACH_CLAIM_MARGIN_SECONDS keep it within {_QUEUE_LEASE_SECONDS // 2} s, "
                "half of the queue's lease",
            )
        graph_root = _graph_root(read)
        sign_in = _sign_in(read, graph_root)
        settings = cls(
            storage=_connection(read),
            container=read.name("TODO_ATTACH_CONTAINER", _STORAGE_NAME, "3 to 63 of a-z, 0-9 and single hyphens"),
            queue=read.name("TODO_ATTACH_QUEUE", _QUEUE_NAME, "3 to 56 of a-z, 0-9 and single hyphens"),
            table=read.name("TODO_ATTACH_TABLE", _TABLE_NAME, "3 to 63 letters and digits, a letter first"),
            graph_root=graph_root,
            mailbox_by_id=read.choice("TODO_ATTACH_MAILBOX_PATH", "me", ("me", "users")) == "users",
            default_account=_default_account(read, sign_in),
            tokens=_tokens(read) if sign_in is None else {},
            delete_attached=read.choice("TODO_ATTACH_DELETE_ATTACHED", "false", ("true", "false")) == "true",
            delete_sent=read.choice("TODO_ATTACH_DELETE_SENT", "true", ("true", "false")) == "true",
            read_back=read.choice("TODO_ATTACH_READ_BACK", "off", ("on", "off")) == "on",
            paths=_paths(read),
            path_accounts=_path_accounts(read, sign_in),
            names_others=read.choice("TODO_ATTACH_REJECTIONS_NAME_OTHERS", "true", ("true", "false")) == "true",
            stalled_after=timedelta(
                seconds=read.number("TODO_ATTACH_STALLED_AFTER_SECONDS", 900, at_least=1, at_most=86_400)
            ),
            catch_up_time=timedelta(seconds=read.number("TODO_ATTACH_CATCH_UP_SECONDS", 60, at_least=1, at_most=120)),
            dead_letters=_dead_letters(read),
            keep_finished=_keep_finished(read),
            limits=Limits(
                slice_bytes=read.integer(
                    "TODO_ATTACH_SLICE_BYTES", MAX_SLICE_BYTES, at_least=327_680, at_most=MAX_SLICE_BYTES
                ),
                max_file_bytes=read.integer(
                    "TODO_ATTACH_MAX_FILE_BYTES", MAX_FILE_BYTES, at_least=1, at_most=MAX_FILE_BYTES
                ),
                deadline=timedelta(seconds=deadline),
                claim=timedelta(seconds=deadline + margin),
                empty_file_wait=timedelta(
                    seconds=read.number("TODO_ATTACH_EMPTY_FILE_WAIT_SECONDS", 600, at_least=0, at_most=86_400)
                ),
                append_quiet=timedelta(
                    seconds=read.number("TODO_ATTACH_APPEND_QUIET_SECONDS", 60, at_least=0, at_most=86_400)
                ),
                replace_within=_replace_within(read),
                missing_patience=timedelta(
                    seconds=read.number("TODO_ATTACH_MISSING_PATIENCE_SECONDS", 300, at_least=0, at_most=3_600)
                ),
                max_age=timedelta(hours=read.number("TODO_ATTACH_MAX_AGE_HOURS", 24, at_least=0.1, at_most=24 * 30)),
                sign_in_wait=timedelta(days=read.number("TODO_ATTACH_SIGN_IN_WAIT_DAYS", 14, at_least=0, at_most=90)),
                queue_wait=timedelta(days=read.number("TODO_ATTACH_QUEUE_WAIT_DAYS", 14, at_least=0.1, at_most=90)),
            ),
            mailbox_limits=_mailbox_limits(read),
            pace_of_the_app=read.choice("TODO_ATTACH_PACE", "mailbox", ("mailbox", "app")) == "app",
            sign_in=sign_in,
            telemetry=_telemetry(read),
        )
        read.finish()
        return settings


_STORAGE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*")
_QUEUE_NAME = re.compile(r"(?=.{3,56}$)[a-z0-9]+(?:-[a-z0-9]+)*")  # "-poison" must still fit into 63
_TABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{2,62}")
# Stricter than the standard, because these URLs go into pages, headers and requests: a URL parser may skip line ends,
# and two parsers may read a backslash, an @ or a percent sign differently.
_URL = re.compile(
    r"(?P<origin>(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:]{2,39}\])(?::[0-9]{1,5})?)"
    r"(?P<path>(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*)"
)


@dataclass(frozen=True, slots=True)
class _Url:
    """A URL that `_URL` accepts. *host* is in lower case and without brackets, *path* has no slash at its end."""

    scheme: str
    host: str
    origin: str
    path: str

    @classmethod
    def of(cls, text: str) -> "_Url | None":
        match = _URL.fullmatch(text.rstrip("/"))
        if match is None:
            return None
        return cls(match["scheme"], match["host"].strip("[]").lower(), match["origin"], match["path"])


class _Reader:
    """Reads values and collects mistakes, so that one error names them all. It never repeats the value of a secret."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._mistakes: list[str] = []

    def mistake(self, name: str, value: str, remedy: str) -> None:
        # The value may hold a password (user:password@host) or a signature (?sig=): the error goes into the log.
        text = "(hidden)" if any(mark in value for mark in "@?") else value[:60]
        shown = f'is "{text}"' if value else "is not set"
        self._mistakes.append(f"{name} {shown}: {remedy}")

    def finish(self) -> None:
        if self._mistakes:
            raise SettingsError(self._mistakes)

    def optional(self, name: str) -> str:
        return self._environ.get(name, "").strip()

    def text(self, name: str) -> str:
        value = self.optional(name)
        if not value:
            self.mistake(name, "", "set it")
        return value

    def name(self, name: str, pattern: re.Pattern[str], rule: str) -> str:
        value = self.optional(name)
        if not pattern.fullmatch(value):
            self.mistake(name, value, f"use {rule}")
        return value

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.optional(name).lower() or default
        if value not in allowed:
            self.mistake(name, value, f"use {' or '.join(allowed)}")
        return value

    def number(self, name: str, default: float, *, at_least: float, at_most: float) -> float:
        return self._parsed(name, default, float, at_least, at_most)

    def integer(self, name: str, default: int, *, at_least: int, at_most: int) -> int:
        return int(self._parsed(name, default, int, at_least, at_most))

    def _parsed(
        self, name: str, default: float, parse: Callable[[str], float], at_least: float, at_most: float
    ) -> float:
        value = self.optional(name)
        if not value:
            return default
        try:
            number = parse(value)
        except ValueError:
            number = None
        if number is None or not at_least <= number <= at_most:
            self.mistake(name, value, f"use a number from {at_least:.12g} to {at_most:.12g}")
            return default
        return number


def _replace_within(read: _Reader) -> timedelta:
    name = "TODO_ATTACH_REPLACE_WITHIN_SECONDS"
    text = read.optional(name)
    if text.lower() == "always":
        return timedelta.max
    if text and not (re.fullmatch(r"[0-9]{1,5}", text) and int(text) <= _DAY_SECONDS):
        read.mistake(name, text, f"use whole seconds from 0 (never) to {_DAY_SECONDS}, or always")
        return timedelta()
    return timedelta(seconds=int(text or 60))


def _dead_letters(read: _Reader) -> str:
    name = "TODO_ATTACH_DEAD_LETTERS"
    value = read.optional(name)
    if value and not _STORAGE_NAME.fullmatch(value):
        read.mistake(name, value, "use 3 to 63 of a-z, 0-9 and single hyphens, or leave it out")
    elif value and value == read.optional("TODO_ATTACH_CONTAINER"):
        # Dead letters are deleted once they were read, and a sender could write one that names any blob.
        read.mistake(name, value, "use another container than TODO_ATTACH_CONTAINER")
    return value


def _keep_finished(read: _Reader) -> timedelta | None:
    name = "TODO_ATTACH_KEEP_FINISHED_DAYS"
    days = read.integer(name, 0, at_least=0, at_most=3_650)
    if 0 < days < _LEAST_DAYS_KEPT:
        # A blob that can still be brought back would be attached once more.
        read.mistake(name, str(days), f"use 0 (for ever), or {_LEAST_DAYS_KEPT} to 3650")
    return timedelta(days=days) if days else None


def _paths(read: _Reader) -> tuple[PathPattern, ...]:
    name = "TODO_ATTACH_PATHS"
    text = read.optional(name)
    if text.lower() == "off":
        return ()
    patterns = parse_patterns(text) if text else DEFAULT_PATTERNS
    if isinstance(patterns, str):
        read.mistake(name, text, f"{patterns}; use paths such as LIST/TASK/FILE with commas between, or off")
        return ()
    return patterns


def _connection(read: _Reader) -> Connection:
    text = read.optional(CONNECTION)
    if text:
        if "=" not in text:
            read.mistake(CONNECTION, "(hidden)", "use a storage connection string")
        return Connection(connection_string=text)
    services = {name: read.optional(f"{CONNECTION}__{name}ServiceUri") for name in ("blob", "queue", "table")}
    missing = [name for name, uri in services.items() if (url := _Url.of(uri)) is None or url.scheme != "https"]
    if not any(services.values()):
        remedy = f"set a connection string, or {CONNECTION}__blobServiceUri, __queueServiceUri and __tableServiceUri"
        read.mistake(CONNECTION, "", remedy)
    else:
        for name in missing:
            read.mistake(f"{CONNECTION}__{name}ServiceUri", services[name], "use the https URI of the service")
    return Connection(
        blob_uri=services["blob"],
        queue_uri=services["queue"],
        table_uri=services["table"],
        client_id=read.optional(f"{CONNECTION}__clientId"),
    )


def _mailbox_limits(read: _Reader) -> MailboxLimits:
    """The defaults are what Microsoft publishes for one app and one mailbox, with one request fewer at once.

    docs/configuration.md has the sources.
    """
    uploads = read.integer("TODO_ATTACH_UPLOADS_AT_ONCE", 3, at_least=1, at_most=8)
    size = read.integer("TODO_ATTACH_BYTES_PER_WINDOW", 150_000_000, at_least=1_000_000, at_most=10_000_000_000)
    requests = read.integer("TODO_ATTACH_REQUESTS_PER_WINDOW", 10_000, at_least=20, at_most=1_000_000)
    return MailboxLimits(
        uploads_at_once=uploads,
        bytes=Budget(size, timedelta(minutes=5)),
        requests=Budget(requests, timedelta(minutes=10)),
        lease=LEASE,
    )


def _graph_root(read: _Reader) -> str:
    name = "TODO_ATTACH_GRAPH_ROOT"
    root = read.optional(name).rstrip("/") or "https://graph.microsoft.com/v1.0"
    url = _Url.of(root)
    if url is None:
        read.mistake(name, root, "use a Graph root such as https://graph.microsoft.com/v1.0")
    elif url.host == _CHINA:
        read.mistake(name, root, "the To Do API does not exist in this cloud (operated by 21Vianet)")
    elif url.scheme == "http" and url.host not in _LOOPBACK:
        read.mistake(name, root, "use https: the bearer token goes there (http is for this machine only)")
    elif url.host not in KNOWN_ROOTS and url.host not in _LOOPBACK:
        read.mistake(name, root, f"use one of {', '.join(KNOWN_ROOTS)}, or a server on this machine")
    elif url.path not in {"/v1.0", "/beta"}:
        # Without a version Graph would answer every request with an error, and every file would be rejected for it.
        read.mistake(name, root, "use a root that ends in its version, /v1.0 or /beta")
    return root


def _tokens(read: _Reader) -> Mapping[str, str]:
    """Static tokens, account -> bearer: for the embedded stack, and for trying a token by hand."""
    name = "TODO_ATTACH_TOKENS"
    text = read.optional(name)
    if not text:
        read.mistake(
            name,
            "",
            "set it, or TODO_ATTACH_ENTRA_CLIENT_ID and the other settings of sign-in, so that people can sign in",
        )
    try:
        tokens = json.loads(text) if text else {}
    except ValueError:
        tokens = None
    if not isinstance(tokens, dict) or not all(isinstance(token, str) and token for token in tokens.values()):
        read.mistake(name, "(hidden)", 'use a JSON object of account and token: {"sam@example.com": "..."}')
        return {}
    return tokens


# The values that the Functions worker takes for true when it reads PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY.
_WORKER_S_TRUE = {"true", "1", "t", "y", "yes"}
# The libraries that carry the app's requests: their spans would hold upload URLs and names of blobs.
_NEVER_INSTRUMENTED = {"azure_sdk", "requests", "urllib3"}


def _telemetry(read: _Reader) -> bool:
    if read.optional("PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY").lower() not in _WORKER_S_TRUE:
        return False
    name = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
    value = read.optional(name)
    missing = _NEVER_INSTRUMENTED - {each.strip() for each in value.split(",")}
    if missing:
        names = ", ".join(sorted(missing))
        read.mistake(name, value, f"name {names} in it: with telemetry on, upload URLs would be in their spans")
    return True


_TENANT_WORDS = ("common", "organizations", "consumers")
# With these, a sign-in name may belong to people of several tenants; with a tenant's id or consumers, to one person.
_SEVERAL_TENANTS = ("common", "organizations")
_VAULT_PATH = re.compile(r"/keys/[A-Za-z0-9-]+(/[0-9a-f]{32})?")


def _sign_in(read: _Reader, graph_root: str) -> SignIn | None:
    client_id = read.optional("TODO_ATTACH_ENTRA_CLIENT_ID")
    if not client_id:
        return None
    if read.optional("TODO_ATTACH_TOKENS"):
        read.mistake(
            "TODO_ATTACH_TOKENS", "(hidden)", "leave it out: people sign in (TODO_ATTACH_ENTRA_CLIENT_ID is set)"
        )
    graph = _Url.of(graph_root)
    host, origin = (graph.host, graph.origin) if graph is not None else ("", "")
    is_local = host in _LOOPBACK
    client_credential = read.choice(
        "TODO_ATTACH_ENTRA_CLIENT_CREDENTIAL", "managed-identity", ("managed-identity", "client-secret", "none")
    )
    secret = read.optional("TODO_ATTACH_ENTRA_CLIENT_SECRET")
    if (client_credential == "client-secret") != bool(secret):
        read.mistake(
            "TODO_ATTACH_ENTRA_CLIENT_SECRET",
            "(hidden)" if secret else "",
            "set it if TODO_ATTACH_ENTRA_CLIENT_CREDENTIAL is client-secret, and only then",
        )
    return SignIn(
        client_id=client_id,
        authority=_authority(read, host),
        tenant=_tenant(read),
        client_credential=client_credential,
        client_secret=secret,
        ca_file=_only_local(read, "TODO_ATTACH_ENTRA_CA_FILE", is_local=is_local),
        url=_own_url(read),
        container=read.name("TODO_ATTACH_ACCOUNTS_CONTAINER", _STORAGE_NAME, "3 to 63 of a-z, 0-9 and single hyphens"),
        table=read.name("TODO_ATTACH_ACCOUNTS_TABLE", _TABLE_NAME, "3 to 63 letters and digits, a letter first"),
        key=_accounts_key(read, host),
        scope=f"{origin}/Tasks.ReadWrite",
    )


def _authority(read: _Reader, graph_host: str) -> str:
    """The origin of this Graph's identity provider. Only a Graph on this machine may have one on this machine."""
    name = "TODO_ATTACH_ENTRA_AUTHORITY"
    given = read.optional(name).rstrip("/")
    expected = _AUTHORITIES.get(graph_host)
    if expected is not None:
        if given not in {"", expected}:
            read.mistake(name, given, f"leave it out: people of this Graph sign in at {expected}")
        return expected
    url = _Url.of(given)
    if url is None or url.scheme != "https" or url.host not in _LOOPBACK or url.path:
        read.mistake(name, given, "use the https origin of an identity provider on this machine, as Graph is on it")
    return given


def _only_local(read: _Reader, name: str, *, is_local: bool) -> str:
    value = read.optional(name)
    if value and not is_local:
        read.mistake(name, value, "leave it out: it is for an identity provider on this machine")
    return value


def _tenant(read: _Reader) -> str:
    name = "TODO_ATTACH_ENTRA_TENANT"
    value = read.optional(name).lower() or "organizations"
    # A domain will not do: an ID token names its tenant by id, and could not be compared with a domain.
    if value not in _TENANT_WORDS and as_object_id(value) is None:
        read.mistake(name, value, "use a tenant's id, or organizations, consumers or common")
    return value


def _default_account(read: _Reader, sign_in: SignIn | None) -> str:
    name = "TODO_ATTACH_DEFAULT_ACCOUNT"
    value = read.text(name)
    if value:
        _check_account(read, name, value, sign_in)
    return value


def _path_accounts(read: _Reader, sign_in: SignIn | None) -> Mapping[str, str]:
    name = "TODO_ATTACH_PATH_ACCOUNTS"
    text = read.optional(name)
    accounts = parse_path_accounts(text) if text else {}
    if isinstance(accounts, str):
        read.mistake(name, text, f'{accounts}; use a JSON object such as {{"alice/": "alice@example.com"}}')
        return {}
    for account in accounts.values():
        _check_account(read, name, account, sign_in)
    return accounts


def _check_account(read: _Reader, name: str, value: str, sign_in: SignIn | None) -> None:
    if sign_in is None or as_object_id(value) is not None:
        return
    if sign_in.tenant in _SEVERAL_TENANTS:
        # The administrator of any tenant could create an account of that name, and connect it first.
        read.mistake(name, value, f"use the account's object id: people of several tenants ({sign_in.tenant}) connect")
    elif as_sign_in_name(value) is None:
        read.mistake(name, value, "use the account's object id: its sign-in name is not ASCII")


def _own_url(read: _Reader) -> str:
    name = "TODO_ATTACH_CONNECT_URL"
    value = read.optional(name).rstrip("/")
    url = _Url.of(value)
    if url is None:
        read.mistake(name, value, "use this app's own root, such as https://APP.azurewebsites.net/api")
    elif url.scheme != "https" and url.host not in _LOOPBACK:
        read.mistake(name, value, "use https (http is for this machine only)")
    return value


def _accounts_key(read: _Reader, graph_host: str) -> str:
    name = "TODO_ATTACH_ACCOUNTS_KEY"
    value = read.optional(name).rstrip("/")
    if value.startswith("/"):
        return value
    url = _Url.of(value)
    allowed = (_VAULTS[graph_host],) if graph_host in _VAULTS else tuple(_VAULTS.values())
    in_vault = url is not None and url.scheme == "https" and url.host.endswith(allowed)
    if url is None or not in_vault or not _VAULT_PATH.fullmatch(url.path):
        remedy = f"use a key's identifier, https://VAULT{allowed[0]}/keys/NAME, or the full path of a key file"
        read.mistake(name, value, remedy)
    return value
