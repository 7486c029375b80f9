"""The ports of earlier runs, used again: upload URLs in the ledger have the emulator's, and shells the storage's."""

import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from local.stack.child import ChildFailed
from local.stack.state_dir import StateDir


class KnownPorts:
    """The port of each service. *state* None: none is stored. *asked*: ports that the command line gives."""

    def __init__(self, state: StateDir | None, asked: Mapping[str, int]) -> None:
        self._state = state
        self._ports = {**(state.ports() if state is not None else {}), **asked}

    def of(self, service: str) -> int:
        """The service's port, or 0 for any free one."""
        return self._ports.get(service, 0)

    def learn(self, **ports: int) -> None:
        """Note the ports on which services listen now, so that they listen there again after a restart."""
        self._ports |= ports
        if self._state is not None:
            self._state.remember_ports(ports)

    def check(self) -> None:
        """Raise ChildFailed where another program has taken a port."""
        for service, port in self._ports.items():
            if not _is_free(port):
                raise ChildFailed(f"port {port}, for {service}, is taken by another program; {self._remedy()}")

    def _remedy(self) -> str:
        if self._state is None:
            return "choose another one"
        file = self._state.path / "ports.json"
        return f"end that one, or delete {file}: uploads that are under way then open new sessions"


def port_of(url: str) -> int:
    port = urlsplit(url).port
    if port is None:
        raise ChildFailed(f"an address without a port: {url}")
    return port


def free_port() -> int:
    """A port that is free now, for a service whose address must be known before it starts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, so that connections of an earlier run that are still closing do not block the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
