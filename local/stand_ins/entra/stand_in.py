"""Starts the provider, and changes how it behaves."""

import json
import secrets
import ssl
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.stack.child import REPOSITORY, ChildFailed
from local.stand_ins.entra import certificate
from local.stand_ins.entra.people import RESIDENTS, TENANT, Resident

_PROVIDER = Path(__file__).with_name("provider.mjs")
_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to start the provider. *redirect_uri*: the app's.

    *graph*: the origin of the Graph that tokens are for. *emulator*: the root of its control endpoints.
    """

    redirect_uri: str
    graph: str
    emulator: str = ""
    people: Sequence[Resident] = RESIDENTS
    assertion_jwk: Mapping[str, str] | None = None
    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    control: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)


class StandIn:
    """The provider, while this is entered. Its certificate lies in *directory*."""

    def __init__(self, plan: Plan, directory: Path) -> None:
        self.plan = plan
        self.certificate = certificate.make(directory)
        # Once it runs.
        self.origin = ""

    def __enter__(self) -> Self:
        # The provider ends when its standard input does: so it cannot outlive this process, however that ends.
        self._process = subprocess.Popen(
            ["node", str(_PROVIDER)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C in the terminal is for the program that started us
        )
        assert self._process.stdin is not None  # noqa: S101 - asked for as pipes
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdin.write(json.dumps(self._instructions()) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith('{"ready"'):
                self.origin = json.loads(line)["origin"]
                return self
        self.__exit__(None, None, None)
        raise ChildFailed("the stand-in for Entra did not start: run ./setup (or npm ci)")

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait(_TIMEOUT_SECONDS)

    @property
    def control(self) -> str:
        """The root of its control endpoints. Every program that knows it can read all tokens."""
        return f"{self.origin}/_entra/{self.plan.control}"

    def turn(self, **switches: float | str) -> None:
        """Set switches. `provider.mjs` lists them."""
        self._ask("turn", dict(switches))

    def revoke(self, person: Resident) -> None:
        """Take back all that the person has granted."""
        self._ask("revoke", {"oid": person.oid})

    def log(self) -> list[dict[str, Any]]:
        """Token requests, in order."""
        entries: list[dict[str, Any]] = self._ask("log", None)
        return entries

    def issued(self) -> list[str]:
        """Every code and token that was ever given out: tests look that none of them is stored or logged."""
        issued: list[str] = self._ask("issued", None)
        return issued

    def _ask(self, what: str, body: Mapping[str, Any] | None) -> Any:
        # Without a proxy, since the provider is on this machine.
        context = ssl.create_default_context(cafile=str(self.certificate.authority))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        data = None if body is None else json.dumps(body).encode()
        with opener.open(f"{self.control}/{what}", data, timeout=_TIMEOUT_SECONDS) as reply:
            return json.load(reply)

    def _instructions(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "port": 0,
            "prefix": f"/{TENANT}/v2.0",
            "key": str(self.certificate.key),
            "cert": str(self.certificate.certificate),
            "scope": f"{plan.graph}/Tasks.ReadWrite",
            "redirect_uri": plan.redirect_uri,
            "client_secret": plan.client_secret,
            "people": [asdict(person) for person in plan.people],
            "emulator": plan.emulator,
            "assertion_jwk": plan.assertion_jwk,
            "control": plan.control,
        }
