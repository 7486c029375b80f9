"""The package that this code was published in: `scripts/package.py` leaves two files beside it that say so."""

from pathlib import Path

from shared.ports import Release

_SHARED = Path(__file__).resolve().parents[1]


def release(directory: Path = _SHARED) -> Release:
    """A checkout has neither file, and is `unpackaged`."""
    usual = Release()
    return Release(
        _read(directory / "package-version.txt") or usual.version,
        _read(directory / "package-hash.txt") or usual.package,
    )


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip() if path.exists() else ""
