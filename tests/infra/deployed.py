"""What would be deployed, as the compiler says it: compiled templates, and the committed snapshots.

A template (`scripts/bicep build` leaves it in .local/bicep) has what only the source knows: descriptions, bounds, the
order of things. A snapshot (infra/**/*.snapshot.json) has the resources of one parameter file, evaluated as far as that
goes without Azure: what only Azure knows stays an expression, `[reference('/subscriptions/...').principalId]`.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.infra.tools import ROOT, templates

INFRA = ROOT / "infra"
SUBSCRIPTION_ID = "00000000-0000-4000-8000-00000000000a"
TENANT_ID = "00000000-0000-4000-8000-00000000000b"
GROUP_ID = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/todo-attach"


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a snapshot; *id* and *name* may be expressions where Azure knows a part of them."""

    id: str
    type: str
    name: str
    body: Mapping[str, Any]

    @property
    def properties(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.body.get("properties", {})
        return found

    @property
    def scope(self) -> str:
        """The id of the resource that this one extends: a role assignment's, a lock's."""
        found = re.match(r"\[extensionResourceId\('([^']*)'", self.id)
        return found[1] if found else self.id.rpartition("/providers/")[0]

    def at(self, path: str) -> Any:
        """What stands at the dotted *path* of the properties; a number is an index of a list."""
        value: Any = self.properties
        for part in path.split("."):
            value = value[int(part)] if part.isdigit() else value[part]
        return value


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The resources and outputs that one parameter file comes to."""

    resources: Sequence[Resource]
    outputs: Mapping[str, Any]
    diagnostics: Sequence[Any]

    def of(self, type_: str) -> list[Resource]:
        return [each for each in self.resources if each.type == type_]

    def one(self, type_: str, name: str = "") -> Resource:
        """The only resource of a type; where there are several, the one whose name ends in *name*."""
        [found] = [each for each in self.of(type_) if each.name.endswith(name)]
        return found


def _snapshot(path: str) -> Snapshot:
    read = json.loads((INFRA / path).read_text(encoding="utf-8"))
    resources = [Resource(each["id"], each["type"], each["name"], each) for each in read["predictedResources"]]
    return Snapshot(resources, read["outputs"], read["diagnostics"])


@cache
def sample() -> Snapshot:
    """What main.bicepparam comes to, as it is committed: the defaults."""
    return _snapshot("main.snapshot.json")


@cache
def every_option() -> Snapshot:
    """Every option of main.bicep on."""
    return _snapshot("snapshots/every-option.snapshot.json")


@cache
def event_subscription() -> Snapshot:
    """The deployment that follows the code."""
    return _snapshot("snapshots/subscription.snapshot.json")


def sources() -> list[Path]:
    """Everything that templates and snapshots are made of."""
    return sorted([*INFRA.rglob("*.bicep"), *INFRA.rglob("*.bicepparam"), *INFRA.rglob("*.kql")])


@cache
def template(name: str = "main") -> Mapping[str, Any]:
    """The compiled template of infra/*name*.bicep."""
    built = templates() / f"{name}.json"
    made = built.stat().st_mtime if built.exists() else 0.0
    newer = [path.name for path in sources() if path.suffix != ".bicepparam" and path.stat().st_mtime > made]
    if newer:
        raise RuntimeError(f"{built.relative_to(ROOT)} is missing or older than {newer[0]}: run scripts/bicep build")
    read: Mapping[str, Any] = json.loads(built.read_text(encoding="utf-8"))
    return read


def module(symbol: str) -> Mapping[str, Any]:
    """The template of one module of main.bicep, by the name that it has there."""
    found: Mapping[str, Any] = template()["resources"][symbol]["properties"]["template"]
    return found


def each_template() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every template that is compiled, modules included."""
    for name in ("main", "subscription"):
        yield f"{name}.bicep", template(name)
    for symbol, resource in template()["resources"].items():
        if resource["type"] == "Microsoft.Resources/deployments":
            yield symbol, module(symbol)


def parameters() -> Mapping[str, Mapping[str, Any]]:
    """The parameters of main.bicep: type, metadata, defaultValue, minValue and the like."""
    found: Mapping[str, Mapping[str, Any]] = template()["parameters"]
    return found


# -- expressions that only Azure can evaluate --


class NotFilledError(LookupError):
    """An expression asks for something that the caller has no value for."""


def filled(value: Any, known: Callable[[str, str], str]) -> Any:
    """*value* with its expressions evaluated; *known* answers a reference: (resource id, property path) -> text.

    As much of the language as templates of infra/ leave to Azure: references, format, toLower, guid, and the webhook's
    key.
    """
    if isinstance(value, Mapping):
        return {name: filled(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, known) for each in value]
    if isinstance(value, str) and value.startswith("[") and value.endswith("]") and not value.startswith("[["):
        reader = _Expression(value[1:-1], known)
        found = reader.value()
        reader.end()
        return found
    return value


class _Expression:
    """Recursive descent over one expression of a template."""

    _TOKEN = re.compile(r"\s*(?:'((?:[^']|'')*)'|([A-Za-z_][A-Za-z0-9_]*)|([().,]))")

    def __init__(self, text: str, known: Callable[[str, str], str]) -> None:
        self._text, self._at, self._known = text, 0, known

    def _next(self) -> tuple[str | None, str | None, str | None]:
        found = self._TOKEN.match(self._text, self._at)
        if not found:
            raise NotFilledError(f"cannot read {self._text[self._at :]!r}")
        self._at = found.end()
        return found[1], found[2], found[3]

    def _sees(self, mark: str) -> bool:
        return self._text[self._at :].lstrip().startswith(mark)

    def end(self) -> None:
        if self._text[self._at :].strip():
            raise NotFilledError(f"more behind the expression: {self._text[self._at :]!r}")

    def value(self) -> str:
        literal, name, _ = self._next()
        if literal is not None:
            return literal.replace("''", "'")
        if name is None:
            raise NotFilledError(f"no value in {self._text!r}")
        self._next()  # (
        given: list[str] = []
        while not self._sees(")"):
            given.append(self.value())
            if self._sees(","):
                self._next()
        self._next()  # )
        path: list[str] = []
        while self._sees("."):
            self._next()
            path.append(self._next()[1] or "")
        return self._call(name, given, ".".join(path))

    def _call(self, name: str, given: Sequence[str], path: str) -> str:
        match name:
            case "reference" | "listKeys":
                return self._known(given[0], path)
            case "format":
                return re.sub(r"\{(\d+)\}", lambda found: given[int(found[1]) + 1], given[0])
            case "toLower":
                return given[0].lower()
            case "guid":
                digest = hashlib.sha256("-".join(given).encode()).hexdigest()
                return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
            case "extensionResourceId":
                return f"{given[0]}/providers/{given[1]}/{'/'.join(given[2:])}"
            case _:
                raise NotFilledError(f"the function {name} is not known here")


_KNOWN = {
    "primaryEndpoints.blob": "https://{name}.blob.core.windows.net/",
    "primaryEndpoints.queue": "https://{name}.queue.core.windows.net/",
    "primaryEndpoints.table": "https://{name}.table.core.windows.net/",
    "clientId": "c1000000-0000-4000-8000-000000000001",
    "principalId": "1d000000-0000-4000-8000-000000000001",
    "ConnectionString": "InstrumentationKey=00000000-0000-4000-8000-000000000000",
    "defaultHostName": "{name}.azurewebsites.net",
    "vaultUri": "https://{name}.vault.azure.net/",
    "systemKeys.blobs_extension": "a-key",
}


def as_azure(resource_id: str, path: str) -> str:
    """What Azure would answer, of the right shape."""
    if path not in _KNOWN:
        raise NotFilledError(f"{path} of {resource_id}")
    return _KNOWN[path].format(name=resource_id.removesuffix("/host/default").rpartition("/")[2])


def app_settings(snapshot: Snapshot) -> dict[str, str]:
    """The function app's settings with their references filled in. A reference into the vault becomes its secret."""
    settings = filled(snapshot.one("Microsoft.Web/sites/config").properties, as_azure)
    return {name: "a-secret" if value.startswith("@Microsoft.KeyVault(") else value for name, value in settings.items()}
