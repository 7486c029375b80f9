"""The app's side of sign-in on real storage and a real OpenID provider, with a clock that a test turns."""

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from azure.storage.blob import ContainerClient

from local.stand_ins.entra.people import CLIENT_ID, TENANT, Resident
from local.stand_ins.entra.stand_in import StandIn
from shared.adapters.account_blobs import BlobAccountStore
from shared.adapters.entra import Entra, Registration
from shared.adapters.key_vault import FileKey, KeyRing
from shared.sign_in.account_tokens import ConnectedAccounts
from shared.sign_in.endpoints import Desk
from shared.sign_in.pages import Addresses, Answer
from shared.sign_in.person import Expected, Person
from shared.sign_in.ports import AccountStore, Asked, IdentityProvider
from tests.sign_in.browser import Visitor
from tests.support.fakes.world import Records

ROOT = "http://127.0.0.1:7071/api"
GRAPH = "http://127.0.0.1:9"
CONNECT = f"{ROOT}/connect"


def registration(entra: StandIn, **changes: Any) -> Registration:
    usual = Registration(
        CLIENT_ID,
        f"{entra.origin}/{TENANT}",
        f"{GRAPH}/Tasks.ReadWrite",
        f"{ROOT}/connected",
        entra.plan.client_secret,
        ca_file=str(entra.certificate.authority),
    )
    return replace(usual, **changes)


@dataclass
class Office:
    """*elapsed*: seconds that the test has let pass, for `ConnectedAccounts` and for the desk."""

    entra: StandIn
    container: ContainerClient
    keys: KeyRing = field(default_factory=lambda: FileKey(os.urandom(32)))
    elapsed: float = 0.0
    records: Records = field(default_factory=Records)
    resumed: list[Person] = field(default_factory=list)
    _visitors: list[Visitor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.provider = Entra(registration(self.entra))
        self.keep_keys_in(self.keys)

    def keep_keys_in(self, keys: KeyRing) -> None:
        """From now on, as a process that has just started with *keys*."""
        self.store = BlobAccountStore(self.container, keys, lambda: uuid.uuid4().hex)
        self.desk = self.another_desk()

    def another_desk(self, *, tenant: str = TENANT, root: str = ROOT, provider: IdentityProvider | None = None) -> Desk:
        return Desk(
            self.store,
            provider or self.provider,
            Expected(CLIENT_ID, self.entra.origin, tenant),
            Addresses(root, self.entra.origin, CLIENT_ID),
            self.records,
            self.now,
            self._resume,
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

    # -- a person --

    def visitor(self) -> Visitor:
        self._visitors.append(Visitor(self.entra))
        return self._visitors[-1]

    def connect(self, person: Resident) -> Answer:
        """The whole way of a person who connects."""
        return self.go_through(self.desk.connect, person)

    def disconnect(self, person: Resident) -> Answer:
        return self.go_through(self.desk.disconnect, person)

    def go_through(self, begin: Callable[[Asked], Answer], person: Resident) -> Answer:
        begun = begin(Asked("POST", {}, {}))
        return self.come_back(begun, self.visitor().sign_in(begun.headers["Location"], person))

    def come_back(self, begun: Answer, reply: dict[str, str]) -> Answer:
        return self.desk.connected(Asked("GET", reply, {"cookie": cookie_of(begun)}))

    def close(self) -> None:
        for visitor in self._visitors:
            visitor.close()


def cookie_of(begun: Answer) -> str:
    """As a browser sends it back."""
    return begun.headers["Set-Cookie"].partition(";")[0]


def goes_to(answer: Answer, origin: str) -> bool:
    parts = urlsplit(answer.headers["Location"])
    return f"{parts.scheme}://{parts.netloc}" == origin
