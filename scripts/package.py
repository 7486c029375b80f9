"""Makes the package that is published: by an allow-list, and the same bytes from the same files.

`az functionapp deployment source config-zip` reads no .funcignore: what is in the archive is what runs.
"""

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

FILES = ("host.json", "function_app.py", "requirements.txt")
PACKAGES = ("shared",)
# The archive's oldest date, so that the bytes depend on the contents only.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def members(root: Path) -> Iterator[Path]:
    """Everything that is deployed, relative to *root*, in a fixed order."""
    yield from (Path(name) for name in FILES)
    for package in PACKAGES:
        yield from sorted(path.relative_to(root) for path in (root / package).rglob("*.py"))


def build(root: Path, target: Path) -> int:
    """Write the archive *target*; the number of its files."""
    target.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members(root):
            entry = zipfile.ZipInfo(member.as_posix(), _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (root / member).read_bytes())
            count += 1
    return count


if __name__ == "__main__":
    made = Path(sys.argv[1])
    print(f"{made}: {build(Path(__file__).resolve().parent.parent, made)} files")
