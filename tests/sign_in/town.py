"""A stack with sign-in, and somebody who puts files into its container."""

import base64
import hashlib
import json
import os
import ssl
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local.commands.put import PutFile, put
from local.stack.emulator import Emulator
from local.stack.state_dir import EmulatorRecord
from local.stand_ins.entra.people import Resident
from shared.adapters.storage import clients as azure_clients
from shared.core.outcome import STATE
from shared.settings import Connection
from tests.local.processes import wait_until
from tests.local.terminal import Terminal, Up
from tests.support.browser.webdriver import Browser


@dataclass
class Town:
    """A stack with sign-in, and somebody who puts files into its container.

    *connect* and *files* are addresses of the app's pages, *entra* an origin.
    """

    up: Up
    connect: str
    files: str
    entra: str
    entra_control: str
    authority: Path
    directory: Path

    @property
    def storage(self) -> str:
        return str(self.up.ready()["storage"])

    def drop(self, name: str, **metadata: str) -> PutFile:
        file = self.directory / name
        file.write_bytes(os.urandom(40_000))
        emulator = self.up.emulator()
        with azure_clients.container_client(Connection(self.storage), self.up.ready()["container"]) as container:
            ids = self._ids(metadata["user"]) if "user" in metadata else (emulator["list_id"], emulator["task_id"])
            return put(container, file, {"listid": ids[0], "taskid": ids[1], **metadata})

    def tags(self, file: PutFile) -> dict[str, str]:
        with azure_clients.container_client(Connection(self.storage), self.up.ready()["container"]) as container:
            return dict(container.get_blob_client(file.blob.name).get_blob_tags())

    def wait_for(self, file: PutFile, state: str) -> dict[str, str]:
        wait_until(lambda: self.tags(file).get(STATE) == state, f"{file.name} {state}")
        return self.tags(file)

    def attached(self) -> set[str]:
        record = EmulatorRecord(self.up.emulator()["control"], "", "")
        return {each.sha256 for each in Emulator(record).attachments().values()}

    def _ids(self, user: str) -> tuple[str, str]:
        with urllib.request.urlopen(f"{self.up.emulator()['control']}/mailboxes", timeout=10) as reply:
            (mailbox,) = [each for each in json.load(reply) if each["upn"] == user]
        return mailbox["lists"][0]["id"], mailbox["lists"][0]["tasks"][0]["id"]

    def ask_entra(self, what: str, body: Mapping[str, object] | None = None) -> Any:
        context = ssl.create_default_context(cafile=str(self.authority))
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.entra_control}/{what}", data, timeout=10, context=context) as reply:
            return json.load(reply)

    def revoke(self, person: Resident) -> None:
        self.ask_entra("revoke", {"oid": person.oid})

    def public_key(self) -> str:
        """Of the stand-in's certificate: the only one that the browser is to take on faith."""
        certificate = x509.load_pem_x509_certificate((self.authority.parent / "entra.pem").read_bytes())
        key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(key).digest()).decode()


@contextmanager
def a_town(directory: Path) -> Iterator[Town]:
    with Terminal(directory).up("--sign-in") as up:
        up.ready()
        facts = wait_until(lambda: _sign_in_facts(up), "the line about sign-in")
        pages = facts["connect"], facts["files"]
        yield Town(up, *pages, facts["entra"], facts["entra_control"], Path(facts["ca"]), directory)


def _sign_in_facts(up: Up) -> dict[str, Any] | None:
    return next((event for event in up.events() if event.get("event") == "sign_in"), None)


def connect(window: Browser, town: Town, person: Resident) -> None:
    window.go_to(town.connect)
    answer(window, town, person.name)


def answer(window: Browser, town: Town, words: str) -> None:
    """On the identity provider's page; back at the app's."""
    window.press(words)
    wait_until(lambda: not window.address.startswith(town.entra), "the way back")


def complaints(window: Browser, town: Town) -> list[str]:
    """What the browser would not load or follow. That a page itself has an error's status is no complaint."""
    status = "Failed to load resource: the server responded with a status of"
    return [each for each in window.complaints() if not each.startswith(town.entra) and status not in each]
