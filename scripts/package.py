#!/usr/bin/env python3
"""Makes the package that is published: by an allow-list, and the same bytes from the same files.

    scripts/package.py TARGET               for a build in Azure, which adds what requirements.txt names
    scripts/package.py --prebuilt TARGET    with those packages in it: nothing is built in Azure
    scripts/package.py --describe PACKAGE   what a package is

Each prints the package's hash, its version, and "source" or "prebuilt".

TARGET is an archive if its name ends in .zip, and otherwise a folder. `az functionapp deployment source config-zip`
does not read .funcignore: all that is in the package is deployed. The package contains its own hash and version
(shared/package-hash.txt and shared/package-version.txt), which the application writes into its heartbeat. So a
deployment can find out whether the code that runs is the code that was published.
"""

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = ("host.json", "function_app.py", "requirements.txt")
PACKAGES = ("shared",)
KINDS = (".py", ".js")
HASH = "shared/package-hash.txt"
VERSION = "shared/package-version.txt"
# Where the worker looks for packages that are deployed with the code.
LIBRARIES = ".python_packages/lib/site-packages"
# The archive's oldest date, so that the bytes depend on the contents only.
_EPOCH = (1980, 1, 1, 0, 0, 0)
# Wheels that the machines of Flex Consumption can load, as far as we know: for x86-64, and a C library from 2.28 on.
_MANYLINUX = ("_2_28", "_2_27", "_2_26", "_2_24", "_2_17", "2014", "_2_12", "2010", "_2_5", "1")


def sources(root: Path) -> dict[str, bytes]:
    """The files of the repository at *root* that are deployed, by their names in the package."""
    names = [Path(name) for name in FILES]
    for package in PACKAGES:
        names += [path.relative_to(root) for path in (root / package).rglob("*") if path.suffix in KINDS]
    found = {name.as_posix(): (root / name).read_bytes() for name in names}
    # Without a TOML parser: a person who deploys may have an older Python than the application, down to 3.9.
    version = re.search(r'^version = "(.+)"$', (root / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    if version is None:
        raise SystemExit("package.py: pyproject.toml has no version")
    return found | {VERSION: f"{version[1]}\n".encode()}


def libraries(requirements: Path) -> dict[str, bytes]:
    """The packages of *requirements* for Azure's machines, whichever machine this is.

    Only wheels, and only those with a hash in the file: so no code of a package runs here.
    """
    platforms = [word for each in _MANYLINUX for word in ("--platform", f"manylinux{each}_x86_64")]
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        command += ["--target", scratch, "--require-hashes", "--no-deps", "--only-binary", ":all:"]
        command += ["--python-version", "3.13", "--implementation", "cp", "--abi", "cp313", "--abi", "abi3"]
        command += ["--abi", "none", *platforms, "--requirement", str(requirements)]
        subprocess.run(command, check=True)  # noqa: S603 - every word is ours
        folder = Path(scratch)
        found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {f"{LIBRARIES}/{name}": _portable(name, content) for name, content in found.items() if _runs(name)}


def _runs(name: str) -> bool:
    """Whether the file is of use in Azure. Console scripts are not, and they have the path of this machine's Python."""
    return not name.startswith("bin/")


def _portable(name: str, content: bytes) -> bytes:
    """*content* without what depends on this machine: a RECORD has the hashes of the console scripts."""
    if not name.endswith(".dist-info/RECORD"):
        return content
    lines = content.decode().splitlines()
    return "".join(f"{line}\n" for line in sorted(lines) if not line.startswith(("../", "bin/"))).encode()


def hashed(members: Mapping[str, bytes]) -> str:
    """The SHA-256, in hex, over names and contents of a package's files, in the order of their names."""
    total = hashlib.sha256()
    for name in sorted(members):
        if name != HASH:
            total.update(f"{hashlib.sha256(members[name]).hexdigest()}  {name}\n".encode())
    return total.hexdigest()


def build(root: Path, target: Path, *, prebuilt: bool = False) -> str:
    """Write the package *target* of the repository at *root*. Returns what `describe` says of it."""
    members = sources(root)
    if prebuilt:
        members |= libraries(root / "requirements.txt")
    members[HASH] = f"{hashed(members)}\n".encode()
    if target.suffix == ".zip":
        _write_archive(target, members)
    else:
        _write_folder(target, members)
    return _told(members)


def _write_archive(target: Path, members: Mapping[str, bytes]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, members[name])


def _write_folder(target: Path, members: Mapping[str, bytes]) -> None:
    if target.exists() and any(target.iterdir()):
        if not (target / HASH).is_file():
            raise SystemExit(f"package.py: {target} is a folder with something else in it; name another one")
        for path in sorted(target.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    for name, content in members.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def contents(package: Path) -> dict[str, bytes]:
    """The files of the package at *package*, an archive or a folder."""
    if package.is_dir():
        return dict(_files_of_folder(package))
    with zipfile.ZipFile(package) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def _files_of_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def describe(package: Path) -> str:
    """Hash, version and kind of a package that `build` made. Refuses one whose files are not those that were hashed."""
    try:
        members = contents(package)
    except (OSError, zipfile.BadZipFile) as error:
        raise SystemExit(f"package.py: {package} cannot be read: {error}") from None
    if HASH not in members or VERSION not in members or members[HASH].decode().strip() != hashed(members):
        raise SystemExit(f"package.py: {package} is no package that scripts/package.py made, or was changed since")
    return _told(members)


def _told(members: Mapping[str, bytes]) -> str:
    kind = "prebuilt" if any(name.startswith(LIBRARIES) for name in members) else "source"
    return f"{members[HASH].decode().strip()} {members[VERSION].decode().strip()} {kind}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prebuilt", action="store_true", help="with the packages of requirements.txt, from wheels")
    parser.add_argument("--describe", action="store_true", help="print hash, version and kind of an existing package")
    parser.add_argument("package", type=Path, help="the archive (.zip) or folder")
    options = parser.parse_args()
    if options.describe:
        print(describe(options.package))
        return
    try:
        made = build(ROOT, options.package, prebuilt=options.prebuilt)
    except subprocess.CalledProcessError:
        raise SystemExit(
            "package.py: pip could not fetch the packages of requirements.txt; its reason stands above. "
            "Where this Python has no pip, use .venv/bin/python (./setup makes it)"
        ) from None
    print(made)


if __name__ == "__main__":
    main()
