"""Azurite, Microsoft's storage emulator: blobs, queues and tables, as `npm` installed it.

With a directory, it saves to disk every five seconds, and when it is asked to end. The real storage loses nothing that
it has accepted; if Azurite is killed, it may lose what it accepted since it last saved.
"""

import base64
import re
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.stack.child import REPOSITORY, Child, ChildFailed, Command, OnLine

ACCOUNT = "devstoreaccount1"
# It is published with Azurite, so it is no secret: every program that reaches the port can read and write everything.
# UseDevelopmentStorage=true, rclone's use_emulator and Storage Explorer use only this key.
PUBLISHED_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_PROGRAM = REPOSITORY / "node_modules" / ".bin" / "azurite"
_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at http://127\.0\.0\.1:(\d+)$")
_START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of the three services. 0 stands for any free port."""

    blob: int = 0
    queue: int = 0
    table: int = 0

    def connection_string(self, key: str) -> str:
        services = (("Blob", self.blob), ("Queue", self.queue), ("Table", self.table))
        endpoints = "".join(f"{name}Endpoint=http://127.0.0.1:{port}/{ACCOUNT};" for name, port in services)
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};{endpoints}"


def new_key() -> str:
    """A key that no other user of this machine, and no web page, can know."""
    return base64.b64encode(secrets.token_bytes(64)).decode()


async def start(
    ports: Ports,
    *,
    key: str,
    directory: Path | None,
    environment: Mapping[str, str],
    held: tuple[int, ...] = (),
    on_access: OnLine,
) -> tuple[Child, Ports]:
    """Start Azurite on *ports* with this account *key*, keeping its data in *directory*, or in memory.

    *on_access* gets its access log, line by line. Raises ChildFailed.
    """
    if not _PROGRAM.exists():
        raise ChildFailed("Azurite is not installed: run ./setup (or npm ci)")
    command = Command(
        name="Azurite",
        arguments=[sys.executable, "-m", "local.stack.tether", "--", str(_PROGRAM), *_options(ports, directory)],
        # In the environment, since other users can read a command line.
        environment={**environment, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"},
        held=held,
        on_output=on_access,
    )
    return await Child.start(command, _PortReader().read, within_seconds=_START_SECONDS)


def _options(ports: Ports, directory: Path | None) -> list[str]:
    return [
        *(["--inMemoryPersistence"] if directory is None else ["--location", str(directory)]),
        *("--blobHost", "127.0.0.1", "--blobPort", str(ports.blob)),
        *("--queueHost", "127.0.0.1", "--queuePort", str(ports.queue)),
        *("--tableHost", "127.0.0.1", "--tablePort", str(ports.table)),
        # The SDKs use a newer API version than Azurite knows, and Azurite would answer them with 400.
        "--skipApiVersionCheck",
        # The account is always the first part of the path. Otherwise Azurite may guess it from a host name.
        "--disableProductStyleUrl",
        "--disableTelemetry",
        # By default Azurite closes an idle connection after 5 s: a request sent at that very moment would be lost.
        *(part for service in ("blob", "queue", "table") for part in (f"--{service}KeepAliveTimeout", "120")),
    ]


class _PortReader:
    """Reads the three lines that say where the three services listen. After the third, all are ready."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def read(self, line: str) -> Ports | None:
        if found := _LISTENING.match(line):
            self._seen[found[1].lower()] = int(found[2])
        return Ports(**self._seen) if len(self._seen) == 3 else None
