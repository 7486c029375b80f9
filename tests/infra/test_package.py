"""scripts/package.py: what is published, the same bytes each time, and known by a hash."""

import base64
import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts.package import FILES, HASH, KINDS, LIBRARIES, VERSION, build, contents, describe
from tests.infra.tools import ROOT

PACKAGE = ROOT / "scripts/package.py"


def made(target: Path, *options: str) -> dict[str, bytes]:
    subprocess.run([sys.executable, PACKAGE, *options, target], check=True, capture_output=True)
    return contents(target)


def test_the_package_holds_what_runs_and_nothing_else(tmp_path: Path) -> None:
    members = made(tmp_path / "one.zip")
    made(tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert {*FILES, "shared/settings.py", "shared/my_files/files.js", HASH, VERSION} <= set(members)
    in_shared = [name for name in members if "/" in name and name not in {HASH, VERSION}]
    assert all(name.startswith("shared/") and name.endswith(KINDS) for name in in_shared)
    assert {name for name in members if "/" not in name} == set(FILES)


def test_the_package_knows_its_hash_and_its_version(tmp_path: Path) -> None:
    members = made(tmp_path / "app.zip")
    [version] = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert members[VERSION].decode() == f"{version}\n"
    lines = sorted(
        f"{name}\0{hashlib.sha256(content).hexdigest()}" for name, content in members.items() if name != HASH
    )
    expected = "".join(f"{line.partition(chr(0))[2]}  {line.partition(chr(0))[0]}\n" for line in lines)
    assert members[HASH].decode() == f"{hashlib.sha256(expected.encode()).hexdigest()}\n"
    assert describe(tmp_path / "app.zip") == f"{members[HASH].decode().strip()} {version} source"


def test_a_folder_is_the_same_package(tmp_path: Path) -> None:
    assert made(tmp_path / "folder") == made(tmp_path / "app.zip")
    (tmp_path / "folder/shared/removed_since.py").write_text("", encoding="utf-8")
    assert made(tmp_path / "folder") == made(tmp_path / "app.zip"), "nothing of a former package stays in it"


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/dear-mum.txt").write_text("hello", encoding="utf-8")
    done = subprocess.run([sys.executable, PACKAGE, tmp_path / "letters"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "something else in it" in done.stderr
    assert (tmp_path / "letters/dear-mum.txt").exists()


@pytest.mark.parametrize("content", [b"not a zip", b""])
def test_what_is_no_package_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(SystemExit, match="cannot be read"):
        describe(tmp_path / "x.zip")


# -- built here --


def wheel(folder: Path, tag: str) -> str:
    """Writes a wheel of `tiny` 1.0 with a console script; the line of a requirements file for it."""
    name = f"tiny-1.0-{tag}.whl"
    info = "tiny-1.0.dist-info"
    files = {
        "tiny/__init__.py": b"answer = 42\n",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
        f"{info}/entry_points.txt": b"[console_scripts]\ntiny = tiny:main\n",
    }
    digests = {
        name: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=") for name, data in files.items()
    }
    record = "".join(f"{each},sha256={digests[each].decode()},{len(files[each])}\n" for each in files)
    with zipfile.ZipFile(folder / name, "w") as archive:
        for each, data in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
            archive.writestr(each, data)
    return f"tiny==1.0 --hash=sha256:{hashlib.sha256((folder / name).read_bytes()).hexdigest()}\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository; pip finds wheels in its folder `wheels`, and nowhere else."""
    root = tmp_path / "checkout"
    (root / "shared").mkdir(parents=True)
    (root / "wheels").mkdir()
    for name, text in {"host.json": "{}", "function_app.py": "", "shared/a.py": ""}.items():
        (root / name).write_text(text, encoding="utf-8")
    (root / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n', encoding="utf-8")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(root / "wheels"))
    return root


def test_a_prebuilt_package_has_the_libraries_where_the_worker_looks(checkout: Path, tmp_path: Path) -> None:
    line = wheel(checkout / "wheels", "cp313-cp313-manylinux_2_28_x86_64")
    (checkout / "requirements.txt").write_text(line, encoding="utf-8")
    said = build(checkout, tmp_path / "one.zip", prebuilt=True)
    assert said.endswith(" 1.2.3 prebuilt")
    members = contents(tmp_path / "one.zip")
    assert f"{LIBRARIES}/tiny/__init__.py" in members
    assert not [name for name in members if "/bin/" in name], "a console script has the path of this machine's Python"
    assert b"bin/tiny" not in members[f"{LIBRARIES}/tiny-1.0.dist-info/RECORD"]
    assert build(checkout, tmp_path / "two.zip", prebuilt=True) == said
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.parametrize("tag", ["cp313-cp313-macosx_11_0_arm64", "cp312-cp312-manylinux_2_28_x86_64"])
def test_a_library_for_another_machine_is_never_packed(checkout: Path, tmp_path: Path, tag: str) -> None:
    (checkout / "requirements.txt").write_text(wheel(checkout / "wheels", tag), encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError):
        build(checkout, tmp_path / "app.zip", prebuilt=True)
    assert not (tmp_path / "app.zip").exists()


def test_a_library_with_another_hash_is_never_packed(checkout: Path, tmp_path: Path) -> None:
    line = wheel(checkout / "wheels", "py3-none-any")
    (checkout / "requirements.txt").write_text(re.sub("sha256:....", "sha256:0000", line), encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError):
        build(checkout, tmp_path / "app.zip", prebuilt=True)


# -- what is deployed is pinned, whole --


def pinned(path: Path) -> dict[str, str]:
    """Requirement to its hashes."""
    joined = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line and not line.lstrip().startswith("#")]
    return {line.split()[0]: line.partition(" ")[2].strip() for line in lines}


def test_every_requirement_that_is_deployed_has_one_version_and_its_hashes() -> None:
    found = pinned(ROOT / "requirements.txt")
    assert len(found) > 50
    for requirement, hashes in found.items():
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+", requirement)
        assert re.fullmatch(r"(--hash=sha256:[0-9a-f]{64}\s*)+", hashes), requirement


def test_what_is_asked_for_is_what_is_locked() -> None:
    assert set(pinned(ROOT / "requirements.in")) <= set(pinned(ROOT / "requirements.txt")), "run scripts/lock"
