"""The import rule: the map in `shared/__init__.py`, kept true.

The inner half (pure modules and contracts) decides, and must run without a network, a clock or an environment. The
shell orders effects through the contracts; only the wiring knows the adapters.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import shared

ROOT = Path(__file__).parent.parent
SHARED = ROOT / "shared"
IMPURE = {"asyncio", "logging", "os", "random", "secrets", "socket", "subprocess", "threading", "time", "uuid"}
CLOCKS = {"now", "utcnow", "today", "sleep"}


def drawn_map() -> dict[str, list[str]]:
    """The modules of each layer, as the package's docstring draws them."""
    layers: dict[str, list[str]] = {}
    for line in (shared.__doc__ or "").splitlines():
        word = line.split(maxsplit=1)[0] if line.strip() else ""
        if line.startswith("      "):
            layers[list(layers)[-1]].append(word.rstrip("/"))
        elif line.startswith("    "):
            layers[word] = []
    return layers


MAP = drawn_map()
INNER = {*MAP["pure"], *MAP["contracts"]}
# Of sign-in: what is decided and agreed there, without the two modules that order effects.
SIGN_IN = {f"sign_in.{path.stem}" for path in (SHARED / "sign_in").glob("*.py")} - {"sign_in.desk", "sign_in.resume"}
LOGIC = {"intake", "effects", "runner", "sweep"}  # of the shell: orders effects, and may not know how they are done
MODULES = sorted(path.stem for path in SHARED.glob("*.py") if path.stem != "__init__")
ADAPTERS = sorted(path.stem for path in (SHARED / "adapters").glob("*.py"))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    """Every module that *path* imports, `from shared import upload` as `shared.upload`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module is not None
            is_package = (ROOT / node.module.replace(".", "/")).is_dir()
            yield from (f"{node.module}.{alias.name}" if is_package else node.module for alias in node.names)


def own_imports(path: Path) -> set[str]:
    """What *path* imports of `shared`: `upload`, `adapters.blob_store`."""
    return {name.removeprefix("shared.") for name in imports(path) if name.split(".")[0] == "shared"}


def foreign_imports(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)} - {"shared"}


def test_the_map_draws_every_module_once() -> None:
    drawn = [module for layer in MAP.values() for module in layer]
    assert sorted(drawn) == sorted([*MODULES, "adapters", "sign_in"])


@pytest.mark.parametrize("module", sorted(INNER))
def test_the_inner_half_imports_only_itself_and_the_standard_library(module: str) -> None:
    path = SHARED / f"{module}.py"
    assert own_imports(path) <= INNER
    assert foreign_imports(path) <= sys.stdlib_module_names - IMPURE


@pytest.mark.parametrize("module", sorted(INNER))
def test_the_inner_half_reads_no_clock(module: str) -> None:
    calls = (node.func for node in ast.walk(tree(SHARED / f"{module}.py")) if isinstance(node, ast.Call))
    assert not [name.attr for name in calls if isinstance(name, ast.Attribute) and name.attr in CLOCKS]


@pytest.mark.parametrize("module", sorted(LOGIC))
def test_what_orders_effects_knows_contracts_and_no_adapter(module: str) -> None:
    path = SHARED / f"{module}.py"
    assert own_imports(path) <= INNER | LOGIC
    assert foreign_imports(path) <= sys.stdlib_module_names - IMPURE


@pytest.mark.parametrize("module", ADAPTERS)
def test_an_adapter_knows_nothing_of_the_cycle(module: str) -> None:
    others = {f"adapters.{name}" for name in ADAPTERS}
    assert own_imports(SHARED / "adapters" / f"{module}.py") <= INNER | SIGN_IN | {"settings", "telemetry"} | others


@pytest.mark.parametrize("module", sorted(SIGN_IN - {"sign_in.__init__"}))
def test_sign_in_decides_without_a_network_a_clock_or_an_environment(module: str) -> None:
    path = SHARED / f"{module.replace('.', '/')}.py"
    assert own_imports(path) <= INNER | SIGN_IN
    assert foreign_imports(path) <= sys.stdlib_module_names - IMPURE | {"cryptography"}
    calls = (node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
    assert not [name.attr for name in calls if isinstance(name, ast.Attribute) and name.attr in CLOCKS]


def test_no_two_modules_import_each_other_however_indirectly() -> None:
    graph = {module: own_imports(SHARED / f"{module}.py") & set(MODULES) for module in MODULES}
    while graph:
        free = {module for module, needs in graph.items() if not needs & graph.keys()}
        assert free, f"a circle among {sorted(graph)}"
        graph = {module: needs for module, needs in graph.items() if module not in free}


def test_only_the_wiring_touches_the_environment() -> None:
    readers = {
        path.stem
        for path in SHARED.rglob("*.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv", "putenv"}
    }
    assert readers == {"wiring"}


@pytest.mark.parametrize("path", sorted(SHARED.rglob("*.py")), ids=lambda path: path.stem)
def test_what_is_deployed_never_imports_what_is_not(path: Path) -> None:
    assert not foreign_imports(path) & {"local", "tests", "bench", "infra", "scripts", "function_app"}


def test_the_bindings_are_short_and_decide_nothing() -> None:
    """Each function calls the application once; there is no branch, loop or handler."""
    path = ROOT / "function_app.py"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 100
    logic = (ast.If, ast.IfExp, ast.For, ast.While, ast.Try, ast.Match, ast.With, ast.Lambda, ast.ClassDef)
    assert not [node for node in ast.walk(tree(path)) if isinstance(node, logic)]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            statements = [each for each in node.body if not is_docstring(each)]
            assert len(statements) == 1, node.name
            assert isinstance(statements[0], ast.Expr | ast.Return), node.name


def is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_the_bindings_import_no_more_of_the_application_than_they_call() -> None:
    assert own_imports(ROOT / "function_app.py") <= {"settings", "wiring"}
