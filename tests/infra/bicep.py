"""Reads Bicep files: what they declare, what they use, and the literal values in them.

Not a compiler. It knows the part of the language that infra/ is written in and calls everything else an error, so that
a construct which it cannot judge does not slip through.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"

# Functions of the language that infra/ uses. A misspelt one must not pass.
FUNCTIONS = frozenset(
    {
        "array",
        "concat",
        "empty",
        "guid",
        "listKeys",
        "loadTextContent",
        "max",
        "resourceGroup",
        "string",
        "subscriptionResourceId",
        "take",
        "tenant",
        "toObject",
        "union",
        "uniqueString",
    }
)
DECORATORS = frozenset({"allowed", "description", "maxLength", "maxValue", "minLength", "minValue", "secure"})


@dataclass(frozen=True, slots=True)
class Expression:
    """A value that only Azure knows: its text, and the node for those who want to look inside."""

    text: str
    node: Node = field(repr=False, compare=False)


type Value = str | int | bool | Expression | list["Value"] | dict[str, "Value"] | None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter with its decorators; *default* is None where a value must be given."""

    name: str
    type: str
    default: Value
    has_default: bool
    decorators: Mapping[str, Value]
    line: int


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource or, where *type* is a path, a module."""

    symbol: str
    type: str
    api_version: str
    is_existing: bool
    is_conditional: bool
    is_loop: bool
    body: Mapping[str, Value]
    node: Node = field(repr=False, compare=False)

    @property
    def line(self) -> int:
        return self.node.start_point.row + 1


@dataclass(frozen=True, slots=True)
class Output:
    """A declared output."""

    name: str
    type: str
    value: Value
    described: bool
    line: int


@dataclass(frozen=True, slots=True)
class File:
    """One .bicep file."""

    path: Path
    parameters: Mapping[str, Parameter]
    variables: Mapping[str, Value]
    resources: Mapping[str, Resource]
    modules: Mapping[str, Resource]
    outputs: Mapping[str, Output]
    problems: Sequence[Problem]

    @property
    def declared(self) -> set[str]:
        return {*self.parameters, *self.variables, *self.resources, *self.modules}

    def literal(self, value: Value) -> Value:
        """*value*, with a parameter's default or a variable's value in the place of its name."""
        if isinstance(value, Expression):
            if value.text in self.variables:
                return self.literal(self.variables[value.text])
            if value.text in self.parameters and self.parameters[value.text].has_default:
                return self.literal(self.parameters[value.text].default)
        return value


@functools.cache
def load(path: Path) -> File:
    """The file at *path*."""
    return parse(path.read_text(encoding="utf-8"), path)


def every_file() -> list[Path]:
    return sorted(INFRA.rglob("*.bicep"))


def parse(text: str, path: Path) -> File:
    """Read *text* as the file *path*."""
    root = Parser(Language(tree_sitter_bicep.language())).parse(text.encode()).root_node
    name = path.name
    problems = [
        Problem(name, node.start_point.row + 1, f"cannot be read: {_text(node)[:60]!r}")
        for node in walk(root)
        if node.type == "ERROR" or node.is_missing
    ]
    parameters: dict[str, Parameter] = {}
    variables: dict[str, Value] = {}
    resources: dict[str, Resource] = {}
    modules: dict[str, Resource] = {}
    outputs: dict[str, Output] = {}
    decorators: dict[str, Value] = {}
    for node in root.named_children:
        line = node.start_point.row + 1
        match node.type:
            case "decorators":
                decorators = dict(_decorator(each) for each in node.named_children)
                problems += [
                    Problem(name, line, f"unknown decorator {each}") for each in sorted(decorators.keys() - DECORATORS)
                ]
                continue
            case "parameter_declaration":
                symbol, kind, *default = node.named_children
                parameters[_text(symbol)] = Parameter(
                    _text(symbol),
                    _text(kind),
                    to_value(default[0]) if default else None,
                    bool(default),
                    decorators,
                    line,
                )
            case "variable_declaration":
                symbol, *_, content = node.named_children
                variables[_text(symbol)] = to_value(content)
            case "resource_declaration":
                resource = _resource(node)
                resources[resource.symbol] = resource
            case "module_declaration":
                module = _resource(node)
                modules[module.symbol] = module
            case "output_declaration":
                symbol, kind, content = node.named_children
                described = bool(decorators.get("description"))
                outputs[_text(symbol)] = Output(_text(symbol), _text(kind), to_value(content), described, line)
            case "comment" | "target_scope_assignment" | "ERROR":
                pass
            case _:
                problems.append(Problem(name, line, f"a statement that this reader does not know: {node.type}"))
        decorators = {}
    file = File(path, parameters, variables, resources, modules, outputs, problems)
    problems += _symbols(file, root)
    return file


def _decorator(node: Node) -> tuple[str, Value]:
    call = node.named_children[0]
    function, arguments = call.named_children
    values = [to_value(argument) for argument in arguments.named_children]
    return _text(function), values[0] if values else True


def _resource(node: Node) -> Resource:
    symbol, kind, *rest = node.named_children
    content = rest[-1]
    is_loop = content.type == "for_statement"
    if is_loop:
        content = _child(content, "body")
    is_conditional = content.type == "if_statement"
    if is_conditional:
        content = content.named_children[-1]
    body = to_value(content)
    if not isinstance(body, dict):
        raise TypeError(f"line {node.start_point.row + 1}: a resource without a body in braces")
    type_, _, version = str(to_value(kind)).partition("@")
    existing = any(child.type == "existing" for child in node.children)
    return Resource(_text(symbol), type_, version, existing, is_conditional, is_loop, body, node)


_ESCAPES = {"\\n": "\n", "\\r": "\r", "\\t": "\t"}


def to_value(node: Node) -> Value:
    """A literal as what it means, everything else as an Expression."""
    match node.type:
        case "string":
            if any(child.type == "interpolation" for child in node.named_children):
                return Expression(_text(node), node)
            return "".join(
                _ESCAPES.get(_text(child), _text(child)[1:]) if child.type == "escape_sequence" else _text(child)
                for child in node.named_children
            )
        case "number":
            return int(_text(node))
        case "boolean":
            return _text(node) == "true"
        case "null":
            return None
        case "array":
            return [to_value(child) for child in node.named_children if child.type != "comment"]
        case "object":
            return dict(_property(child) for child in node.named_children if child.type == "object_property")
        case _:
            return Expression(_text(node), node)


def _property(node: Node) -> tuple[str, Value]:
    key, content = node.named_children[0], node.named_children[-1]
    name = to_value(key) if key.type == "string" else _text(key)
    return name.text if isinstance(name, Expression) else str(name), to_value(content)


def walk(node: Node) -> Iterator[Node]:
    """*node* and everything in it."""
    yield node
    for child in node.children:
        yield from walk(child)


def _symbols(file: File, root: Node) -> Iterator[Problem]:
    """Names that are used and not declared, or declared and not used; functions that do not exist."""
    name, used = file.path.name, set()
    for node, local in _uses(root, frozenset()):
        symbol, line = _text(node), node.start_point.row + 1
        parent = node.parent
        if parent is not None and parent.type == "call_expression" and _child(parent, "function") == node:
            if symbol not in FUNCTIONS | DECORATORS:
                yield Problem(name, line, f"unknown function {symbol}")
        elif symbol in file.declared:
            used.add(symbol)
        elif symbol not in local:
            yield Problem(name, line, f"{symbol} is not declared")
    for symbol in sorted({*file.parameters, *file.variables} - used):
        yield Problem(name, 1, f"{symbol} is declared and not used")
    for symbol, resource in file.resources.items():
        if resource.is_existing and symbol not in used:
            yield Problem(name, resource.line, f"{symbol} is looked up and not used")


def _uses(node: Node, local: frozenset[str]) -> Iterator[tuple[Node, frozenset[str]]]:
    """Every identifier in a place where it is used, with the loop variables and lambda parameters around it."""
    children = list(node.named_children)
    match node.type:
        case "identifier":
            yield node, local
            return
        case "type" | "comment":
            return
        case "object_property":
            key = children[0]
            if key.type == "identifier":
                children = children[1:]
        case "parameter_declaration" | "variable_declaration" | "resource_declaration" | "module_declaration":
            children = children[1:]
        case "output_declaration":
            children = children[1:]
        case "lambda_expression":
            local |= {_text(child) for child in children[:-1]}
            children = children[-1:]
        case "for_statement":
            yield from _uses(children[1], local)
            local |= {_text(children[0])}
            children = [_child(node, "body")]
        case _:
            pass
    for child in children:
        yield from _uses(child, local)


def _child(node: Node, name: str) -> Node:
    child = node.child_by_field_name(name)
    if child is None:
        raise TypeError(f"line {node.start_point.row + 1}: a {node.type} without {name}")
    return child


def _text(node: Node) -> str:
    return node.text.decode() if node.text is not None else ""


# -- between files --


def contract_problems(file: File) -> Iterator[Problem]:
    """Where a file and the modules that it uses do not agree."""
    for module in file.modules.values():
        target = load(file.path.parent / module.type)
        given = module.body.get("params")
        names = set(given) if isinstance(given, dict) else set()
        for name in sorted(names - target.parameters.keys()):
            yield Problem(file.path.name, module.line, f"{module.symbol} has no parameter {name}")
        for parameter in target.parameters.values():
            if not parameter.has_default and parameter.name not in names:
                yield Problem(file.path.name, module.line, f"{module.symbol} lacks {parameter.name}")
        for name in sorted(names & target.parameters.keys()):
            wanted = target.parameters[name].type
            found = _type_of(file, given[name]) if isinstance(given, dict) else ""
            if found and found != wanted:
                yield Problem(
                    file.path.name, module.line, f"{module.symbol}.{name} wants {wanted} and is given {found}"
                )
    for symbol, name, line in _outputs_used(file):
        if name not in load(file.path.parent / file.modules[symbol].type).outputs:
            yield Problem(file.path.name, line, f"{symbol} has no output {name}")


def _outputs_used(file: File) -> Iterator[tuple[str, str, int]]:
    for number, line in enumerate(file.path.read_text(encoding="utf-8").splitlines(), 1):
        for symbol, name in re.findall(r"\b(\w+)\.outputs\.(\w+)", line):
            if symbol in file.modules:
                yield symbol, name, number


def _type_of(file: File, value: Value) -> str:
    """The Bicep type of *value* where it is plain to see, else ''."""
    match value:
        case bool():
            return "bool"
        case int():
            return "int"
        case str():
            return "string"
        case dict():
            return "object"
        case list():
            return "string[]"
        case Expression(text):
            if text in file.parameters:
                return file.parameters[text].type
            if text in file.variables:
                return _type_of(file, file.variables[text])
            if text.startswith("'"):
                return "string"
            found = re.fullmatch(r"(\w+)\.outputs\.(\w+)", text)
            if found and found[1] in file.modules:
                outputs = load(file.path.parent / file.modules[found[1]].type).outputs
                return outputs[found[2]].type if found[2] in outputs else ""
    return ""
