"""The import rule: each folder of `shared/` is a layer, and this is what a layer may import.

The inner layers decide, and must run without a network, a clock or an environment. `app` and the parts of `sign_in`
and `my_files` that order effects know the outside only through contracts; only the wiring knows the adapters:
`wiring`, and `sign_in_wiring` for the part that is imported where sign-in is set.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHARED = ROOT / "shared"
IMPURE = {"asyncio", "logging", "os", "random", "secrets", "socket", "subprocess", "threading", "time", "uuid"}
CLOCKS = {"now", "utcnow", "today", "sleep"}
PURE_LIBRARY = sys.stdlib_module_names - IMPURE

# What each layer may import of `shared`, beside itself. A layer is a folder, or the modules that are named.
CORE = {"errors"}
GRAPH = {"core", "errors"}
CONTRACTS = {"core", "graph", "errors"}
TELLS = {"telemetry.records"}
APP = CONTRACTS | {"ports"} | TELLS
MY_FILES = APP | {"app", "sign_in"}
LAYERS = {
    "errors": set(),
    "core": CORE,
    "graph": GRAPH,
    "ports": CONTRACTS,
    "telemetry.records": CONTRACTS,
    "telemetry.metrics": CONTRACTS,
    "telemetry.log": CONTRACTS | {"ports"},
    "telemetry.otel": APP | {"telemetry"},
    "app": APP,
    "sign_in": {"core.account_name", "errors"},
    "sign_in.endpoints": APP,
    "sign_in.resume": APP | {"app"},
    "my_files": CORE | {"core", "sign_in"},
    "my_files.task_choice": MY_FILES,
    "my_files.sending": MY_FILES,
    "my_files.own_uploads": MY_FILES,
    "my_files.signed_in": MY_FILES,
    "my_files.endpoints": MY_FILES,
    "adapters": CONTRACTS | {"ports", "settings", "sign_in", "my_files.ports"},
    "settings": {"core", "errors"},
    "sign_in_wiring": {"adapters", "app", "core", "my_files", "ports", "settings", "sign_in"},
}
# Layers that run without any SDK; `cryptography` computes, and touches nothing outside.
WITHOUT_SDK = {
    "errors",
    "core",
    "graph",
    "ports",
    "telemetry.records",
    "telemetry.metrics",
    "app",
    "sign_in",
    "my_files",
}
LIBRARIES = {
    "sign_in": {"cryptography"},
    "sign_in.account_tokens": {"threading"},
    "sign_in.endpoints": {"secrets"},
    "my_files.signed_in": {"secrets"},
    "my_files.sending": {"secrets"},
    "my_files.task_choice": {"threading"},
}
# They read time through the ports, and say so by the same words.
ORDERS_EFFECTS = {"app", "sign_in.endpoints", "sign_in.resume", *(each for each in LAYERS if LAYERS[each] is MY_FILES)}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path, *, at_once: bool = False) -> Iterator[str]:
    """Every module that *path* imports, `from shared.core import decide` as `shared.core.decide`.

    *at_once*: only those that are imported with it; not in a function, nor for the type checker.
    """
    module = tree(path)
    for node in module.body if at_once else ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module is not None
            is_package = (ROOT / node.module.replace(".", "/")).is_dir()
            yield from (f"{node.module}.{alias.name}" if is_package else node.module for alias in node.names)


def own_imports(path: Path) -> set[str]:
    """What *path* imports of `shared`: `core.decide`, `adapters.entra`."""
    return {name.removeprefix("shared.") for name in imports(path) if name.split(".")[0] == "shared"}


def foreign_imports(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)} - {"shared"}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(SHARED).with_suffix("").parts).removesuffix(".__init__")


def is_within(module: str, layer: str) -> bool:
    return module == layer or module.startswith(f"{layer}.")


def layer_of(module: str) -> str:
    """The closest layer that *module* is part of."""
    return max((layer for layer in LAYERS if is_within(module, layer)), key=len)


MODULES = {name_of(path): path for path in sorted(SHARED.rglob("*.py")) if path != SHARED / "__init__.py"}
LAYERED = sorted(set(MODULES) - {"wiring", "telemetry"})
DECIDING = [module for module in LAYERED if {layer_of(module), layer_of(module).split(".")[0]} & WITHOUT_SDK]


@pytest.mark.parametrize("module", LAYERED)
def test_a_layer_imports_only_what_it_may(module: str) -> None:
    layer = layer_of(module)
    allowed = LAYERS[layer] | {whole if (whole := layer.split(".")[0]) in LAYERS else layer}
    strange = {name for name in own_imports(MODULES[module]) if not any(is_within(name, each) for each in allowed)}
    assert not strange


@pytest.mark.parametrize("module", DECIDING)
def test_what_decides_and_what_orders_effects_needs_no_sdk(module: str) -> None:
    layer = layer_of(module)
    libraries = LIBRARIES.get(module, set()) | LIBRARIES.get(layer.split(".")[0], set())
    assert foreign_imports(MODULES[module]) <= PURE_LIBRARY | libraries


@pytest.mark.parametrize("module", [module for module in DECIDING if layer_of(module) not in ORDERS_EFFECTS])
def test_what_decides_reads_no_clock(module: str) -> None:
    calls = (node.func for node in ast.walk(tree(MODULES[module])) if isinstance(node, ast.Call))
    assert not [name.attr for name in calls if isinstance(name, ast.Attribute) and name.attr in CLOCKS]


def test_no_two_modules_import_each_other_however_indirectly() -> None:
    graph = {module: own_imports(path) & set(MODULES) for module, path in MODULES.items()}
    while graph:
        free = {module for module, needs in graph.items() if not needs & graph.keys()}
        assert free, f"a circle among {sorted(graph)}"
        graph = {module: needs for module, needs in graph.items() if module not in free}


SELDOM_NEEDED = {"azure.keyvault", "cryptography", "msal", "opentelemetry"}


def test_a_worker_imports_what_only_sign_in_or_telemetry_needs_only_where_it_is_set() -> None:
    """Each would be part of every worker's start. What an SDK imports by itself is its own."""
    at_once, foreign, ahead = set[str](), set[str](), {"wiring"}
    while ahead:
        at_once |= ahead
        found = {name for module in ahead for name in imports(MODULES[module], at_once=True)}
        foreign |= {name for name in found if name.split(".")[0] != "shared"}
        ahead = ({name.removeprefix("shared.") for name in found - foreign} & set(MODULES)) - at_once
    assert "adapters.storage.ledger" in at_once
    only_where_set = ("sign_in_wiring", "my_files", "telemetry.otel")
    assert not {name for name in at_once if any(is_within(name, each) for each in only_where_set)}
    assert not {name for name in foreign if any(is_within(name, each) for each in SELDOM_NEEDED)}


def test_only_the_wiring_touches_the_environment() -> None:
    readers = {
        path.stem
        for path in SHARED.rglob("*.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv", "putenv"}
    }
    assert readers == {"wiring"}


# Nothing but data, made when the module is imported, or nothing but a docstring: mutmut changes what runs later.
DATA_ONLY = {"core.absorb", "core.actions", "core.limits", "core.observations", "core.transitions"}


def test_mutants_are_made_of_every_pure_module_that_is_more_than_data() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    mutated = {name_of(ROOT / each) for each in project["tool"]["mutmut"]["only_mutate"]}
    pure = {module for module in MODULES if module.split(".")[0] in {"core", "graph"} and "." in module}
    assert mutated == pure - DATA_ONLY


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
