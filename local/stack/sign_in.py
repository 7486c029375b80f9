"""Sign-in on the embedded stack: `up --sign-in`.

With the emulator, an OpenID provider stands in for Entra, and people connect at the app's own address, as in the cloud.
With the real Graph, Entra cannot send a browser back to this machine: the person signs in on any screen, with a code,
before the app starts.
"""

import os
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import CorsRule

from local.stack.app_settings import Graph, app_settings
from local.stack.child import ChildFailed
from local.stack.plan import SignInPlan
from local.stand_ins.entra import stand_in
from local.stand_ins.entra.people import CLIENT_ID, TENANT
from local.stand_ins.entra.stand_in import StandIn
from shared.adapters.account_blobs import BlobAccountStore
from shared.adapters.account_keys import AccountKeys
from shared.adapters.key_file import FileKey
from shared.adapters.storage import clients as azure_clients
from shared.errors import AttachError
from shared.my_files.sending import PUT_HEADERS
from shared.settings import Connection, Settings, SignIn
from shared.sign_in.account import Account
from shared.sign_in.connecting import connect_account
from shared.sign_in.id_token import Expected, person_of
from shared.sign_in.person import Person
from shared.sign_in.ports import NotGranted
from shared.sign_in_wiring import identity_provider

ACCOUNTS_CONTAINER = "accounts"
ACCOUNTS_TABLE = "accountkeys"


class SignInHere:
    """Sign-in of one stack. Call `close` when the stack ends."""

    def __init__(self, plan: SignInPlan, directory: Path, functions_port: int) -> None:
        self._plan = plan
        self._directory = directory / "sign-in"
        self._url = f"http://127.0.0.1:{functions_port}/api"
        self._settings: Mapping[str, str] = {}
        self._ending = ExitStack()
        self.stand_in: StandIn | None = None

    @property
    def connect_url(self) -> str:
        return f"{self._url}/connect"

    @property
    def files_url(self) -> str:
        """The page of a person's own files."""
        return f"{self._url}/files"

    def start(self, storage: str, graph: Graph, emulator: str, say: Callable[[str], None]) -> Graph:
        """Prepare sign-in before the app starts. Returns the Graph with its default account.

        Where a person signs in with a code, it blocks until they have.
        """
        self._directory.mkdir(mode=0o700, exist_ok=True)
        _let_page_send(storage, self._url.removesuffix("/api"))
        key = self._directory / "accounts.key"
        FileKey.make(key)
        self._settings = {
            "TODO_ATTACH_CONNECT_URL": self._url,
            "TODO_ATTACH_ACCOUNTS_CONTAINER": ACCOUNTS_CONTAINER,
            "TODO_ATTACH_ACCOUNTS_TABLE": ACCOUNTS_TABLE,
            "TODO_ATTACH_ACCOUNTS_KEY": str(key),
        }
        with (
            azure_clients.container_client(_connection(storage), ACCOUNTS_CONTAINER) as container,
            azure_clients.table_client(_connection(storage), ACCOUNTS_TABLE) as table,
        ):
            with suppress(ResourceExistsError):
                container.create_container()
            with suppress(ResourceExistsError):
                table.create_table()
            own_keys = AccountKeys(table)
            if not self._plan.client_id:
                self._start_stand_in(graph, emulator)
                return graph
            return self._sign_in_by_code(
                storage, graph, lambda keys: BlobAccountStore(container, keys, own_keys, lambda: uuid.uuid4().hex), say
            )

    def over(self, settings: Mapping[str, str]) -> dict[str, str]:
        """The app's settings, with people's sign-in in place of static tokens."""
        return {name: value for name, value in settings.items() if name != "TODO_ATTACH_TOKENS"} | dict(self._settings)

    def close(self) -> None:
        self._ending.close()

    def _start_stand_in(self, graph: Graph, emulator: str) -> None:
        parts = urlsplit(graph.root)
        plan = stand_in.Plan(
            redirect_uri=f"{self._url}/connected", graph=f"{parts.scheme}://{parts.netloc}", emulator=emulator
        )
        self.stand_in = self._ending.enter_context(StandIn(plan, self._directory))
        self._settings = {
            **self._settings,
            "TODO_ATTACH_ENTRA_CLIENT_ID": CLIENT_ID,
            "TODO_ATTACH_ENTRA_TENANT": TENANT,
            "TODO_ATTACH_ENTRA_AUTHORITY": self.stand_in.origin,
            "TODO_ATTACH_ENTRA_CLIENT_CREDENTIAL": "client-secret",
            "TODO_ATTACH_ENTRA_CLIENT_SECRET": plan.client_secret,
            "TODO_ATTACH_ENTRA_CA_FILE": str(self.stand_in.certificate.authority),
        }

    def _sign_in_by_code(
        self, storage: str, graph: Graph, store: Callable[[FileKey], BlobAccountStore], say: Callable[[str], None]
    ) -> Graph:
        self._settings = {
            **self._settings,
            "TODO_ATTACH_ENTRA_CLIENT_ID": self._plan.client_id,
            "TODO_ATTACH_ENTRA_TENANT": self._plan.tenant,
            "TODO_ATTACH_ENTRA_CLIENT_CREDENTIAL": "none",
            **{name: os.environ[name] for name in _FOR_TESTS if name in os.environ},
        }
        unknown = Graph(graph.root, {_UNKNOWN_ACCOUNT: ""})
        settings = Settings.from_environ(self.over(app_settings(storage, unknown, lease_seconds=None)))
        if settings.sign_in is None:
            raise ChildFailed("signing in needs a client id: give --client-id")
        try:
            account = sign_in_by_code(settings, settings.sign_in, say)
            connect_account(store(FileKey.read(Path(settings.sign_in.key))), account)
        except AttachError as error:
            raise ChildFailed(f"the sign-in failed: {error}") from error
        say(f"{account.person.name} is signed in")
        # The id and not the name: people of several tenants may connect, and two could have the same name.
        return Graph(graph.root, {account.person.object_id: ""})


# The default account until a person has signed in.
_UNKNOWN_ACCOUNT = "00000000-0000-0000-0000-000000000000"
# An identity provider on this machine, for a Graph on this machine.
_FOR_TESTS = ("TODO_ATTACH_ENTRA_AUTHORITY", "TODO_ATTACH_ENTRA_CA_FILE")


def sign_in_by_code(settings: Settings, sign_in: SignIn, say: Callable[[str], None]) -> Account:
    """Tell the person what to do, and wait until they have done it. Raises AttachError or ChildFailed."""
    entra = identity_provider(settings, sign_in)
    message, flow = entra.begin_on_another_screen()
    say(message)
    granted = entra.redeem_from_another_screen(flow)
    if isinstance(granted, NotGranted):
        raise ChildFailed(f"the sign-in failed: {granted.problem} {granted.code}".rstrip())
    now = datetime.now(UTC)
    person = person_of(granted.id_token_claims, Expected(sign_in.client_id, sign_in.authority, sign_in.tenant), now)
    if not isinstance(person, Person):
        raise ChildFailed(f"the sign-in failed: {person}")
    return Account(person, granted.home_account_id, now, granted.cache)


def token_by_code(plan: SignInPlan, graph: Graph, say: Callable[[str], None]) -> str:
    """A bearer token for *graph*, of a person who signs in with a code. The sign-in is not stored.

    It blocks until the person has signed in. Raises AttachError, or ChildFailed with the reason.
    """
    given = app_settings("UseDevelopmentStorage=true", Graph(graph.root, {"you": "none"}), lease_seconds=None)
    del given["TODO_ATTACH_TOKENS"]
    settings = Settings.from_environ(
        given
        | {
            "TODO_ATTACH_ENTRA_CLIENT_ID": plan.client_id,
            "TODO_ATTACH_ENTRA_TENANT": plan.tenant,
            "TODO_ATTACH_ENTRA_CLIENT_CREDENTIAL": "none",
            # Required by the settings, but not used here: for an app that has pages and stores accounts.
            "TODO_ATTACH_CONNECT_URL": "http://127.0.0.1/api",
            "TODO_ATTACH_ACCOUNTS_CONTAINER": ACCOUNTS_CONTAINER,
            "TODO_ATTACH_ACCOUNTS_TABLE": ACCOUNTS_TABLE,
            "TODO_ATTACH_ACCOUNTS_KEY": "/none",
            **{name: os.environ[name] for name in _FOR_TESTS if name in os.environ},
        }
    )
    if settings.sign_in is None:
        raise ChildFailed("nobody can sign in without a client id")
    account = sign_in_by_code(settings, settings.sign_in, say)
    return identity_provider(settings, settings.sign_in).refresh(account, "").token


def _connection(storage: str) -> Connection:
    return Connection(connection_string=storage)


def _let_page_send(storage: str, origin: str) -> None:
    """Let browsers on a page of *origin*, and of no other, put blobs into the account of this connection string."""
    rule = CorsRule([origin], ["PUT"], allowed_headers=list(PUT_HEADERS), max_age_in_seconds=3600)
    with azure_clients.blob_service_client(_connection(storage)) as service:
        service.set_service_properties(cors=[rule])
