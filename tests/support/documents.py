"""Reads documents and code into a form in which tests can compare them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.settings import CONNECTION, Settings

ROOT = Path(__file__).resolve().parents[2]
GRAPH_BEHAVIOUR = ROOT / "docs" / "GRAPH_BEHAVIOUR.md"
CONFIGURATION = ROOT / "docs" / "configuration.md"

WITH_A_CONNECTION_STRING: Mapping[str, str] = {
    CONNECTION: "UseDevelopmentStorage=true",
    "TODO_ATTACH_CONTAINER": "attachments",
    "TODO_ATTACH_QUEUE": "ranges",
    "TODO_ATTACH_TABLE": "Uploads",
    "TODO_ATTACH_DEFAULT_ACCOUNT": "sam@example.com",
    "TODO_ATTACH_TOKENS": "{}",
}
WITH_AN_IDENTITY: Mapping[str, str] = {
    **WITH_A_CONNECTION_STRING,
    CONNECTION: "",
    f"{CONNECTION}__blobServiceUri": "https://a.blob.example.net",
    f"{CONNECTION}__queueServiceUri": "https://a.queue.example.net",
    f"{CONNECTION}__tableServiceUri": "https://a.table.example.net",
}
WITH_SIGN_IN: Mapping[str, str] = {
    **WITH_A_CONNECTION_STRING,
    "TODO_ATTACH_TOKENS": "",
    "TODO_ATTACH_DEFAULT_ACCOUNT": "5a000000-0000-4000-8000-00000000000a",
    "TODO_ATTACH_ENTRA_CLIENT_ID": "a-registration",
    "TODO_ATTACH_CONNECT_URL": "https://app.example.net/api",
    "TODO_ATTACH_ACCOUNTS_CONTAINER": "accounts",
    "TODO_ATTACH_ACCOUNTS_TABLE": "accountkeys",
    "TODO_ATTACH_ACCOUNTS_KEY": "https://a.vault.azure.net/keys/accounts",
}


class _Watched(dict[str, str]):
    """An environment that records which names are read."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        self.asked.add(name)
        return super().get(name, default)


def settings_read(environ: Mapping[str, str]) -> set[str]:
    """Every name that the settings read from an environment like *environ*."""
    watched = _Watched(environ)
    Settings.from_environ(watched)
    return watched.asked


def settings_of_bindings() -> set[str]:
    """Every `%NAME%` of function_app.py, which the host reads."""
    return set(re.findall(r"%(\w+)%", (ROOT / "function_app.py").read_text(encoding="utf-8")))


def every_setting() -> set[str]:
    return settings_read(WITH_A_CONNECTION_STRING) | settings_read(WITH_AN_IDENTITY) | settings_of_bindings()


def markdown_files() -> Iterator[Path]:
    """The project's own documents, without those of packages, and without files that a run leaves behind."""
    for folder, folders, files in ROOT.walk():
        folders[:] = [name for name in folders if not name.startswith(".") and name != "node_modules"]
        yield from (folder / name for name in sorted(files) if name.endswith(".md"))


def section(path: Path, heading: str) -> str:
    """The text under *heading* (with its signs), up to the next heading of the same rank or a higher one."""
    rank = len(heading) - len(heading.lstrip("#"))
    _, found, rest = path.read_text(encoding="utf-8").partition(f"\n{heading}\n")
    assert found, f"{path.name} has no {heading}"
    return re.split(rf"\n#{{1,{rank}}} ", rest)[0]


def table(text: str) -> list[list[str]]:
    """The rows of the first table in *text*, without its heading; cells without outer spaces."""
    rows: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            break
    return rows[2:]


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact about Graph: the text of its heading, the paragraphs under it, and its items by their labels."""

    number: str
    title: str
    text: str
    items: Mapping[str, str]


def facts(heading: str) -> list[Fact]:
    """The facts under *heading* of docs/GRAPH_BEHAVIOUR.md, in their order."""
    found = []
    for part in re.split(r"^### ", section(GRAPH_BEHAVIOUR, heading), flags=re.MULTILINE)[1:]:
        title, _, rest = part.partition("\n")
        number, _, title = title.partition(". ")
        text, _, items = rest.partition("\n- ")
        pairs = (" ".join(item.split()).partition(": ") for item in re.split(r"\n- ", items))
        found.append(Fact(number, title, text.strip(), {label: value for label, _, value in pairs}))
    return found


def settings_table() -> dict[str, list[str]]:
    """docs/configuration.md: setting to meaning, default, bounds."""
    rows = table(section(CONFIGURATION, "## Settings"))
    return {row[0].strip("`"): row[1:] for row in rows}
