"""Which package this code was deployed in, by two files that `scripts/package.py` puts beside it."""

from pathlib import Path

from shared.ports import Release

_SHARED = Path(__file__).resolve().parents[1]


def release(directory: Path = _SHARED) -> Release:
    """The release of this code. A checkout has neither file, and is `unpackaged`."""
    usual = Release()
    return Release(
        _read(directory / "package-version.txt") or usual.version,
        _read(directory / "package-hash.txt") or usual.package,
    )


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip() if path.exists() else ""
