"""Bicep files as declarations with plain Python values, read with tree-sitter's grammar.

It is a parser, not the compiler: types of resources and of functions are not known to it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

INFRA = Path(__file__).resolve().parents[2] / "infra"
_KINDS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}
_LITERALS: Mapping[str, Any] = {"true": True, "false": False, "null": None}


class Expression(str):
    """The text of what is no literal: a call, a reference, a choice."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One `param`, `var`, `resource`, `module` or `output`.

    Attributes:
        kind: one of these words.
        name: its symbol.
        target: a resource's `Type@version`, a module's path, a param's or output's type; else empty.
        value: literals as they are, strings with their `${…}`, objects and arrays as dict and list, the rest as
            `Expression`; for a resource or module its object, whatever condition or loop stands before it.
        node: where it stands in the tree.
        parent: the resource that it is nested in.
    """

    kind: str
    name: str
    target: str
    value: Any
    decorators: Mapping[str, tuple[Any, ...]]
    is_existing: bool
    node: Node
    parent: "Declaration | None" = None

    @property
    def text(self) -> str:
        """Return the source."""
        return text_of(self.node)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bicep:
    """One file: where it is, its tree, and what it declares, nested resources too."""

    path: Path
    root: Node
    declarations: tuple[Declaration, ...] = field(repr=False)

    def of(self, kind: str) -> dict[str, Declaration]:
        """Return the declarations of a kind by name."""
        return {each.name: each for each in self.declarations if each.kind == kind}

    def resources(self, type_: str) -> list[Declaration]:
        """Return the resources of a type that are made here; a nested one has its own last segment for a type."""
        return [
            each
            for each in self.declarations
            if each.kind == "resource" and not each.is_existing and each.target.partition("@")[0] == type_
        ]


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bicep.language()))


def parse(source: str, path: Path = INFRA / "snippet.bicep") -> Bicep:
    """Return a source as declarations; `path` is what its modules' paths are relative to."""
    root = _parser().parse(source.encode()).root_node
    return Bicep(path=path, root=root, declarations=tuple(_declarations(root)))


@cache
def templates() -> tuple[Bicep, ...]:
    """Return every template of the project."""
    return tuple(parse(path.read_text("utf-8"), path) for path in sorted(INFRA.rglob("*.bicep")))


def template(name: str) -> Bicep:
    """Return the template of that path below infra/."""
    return next(each for each in templates() if each.path == INFRA / name)


def walk(node: Node) -> Iterator[Node]:
    """Return the node and all below it, in the order of the source."""
    yield node
    for child in node.children:
        yield from walk(child)


def text_of(node: Node) -> str:
    """Return the source of a node."""
    return (node.text or b"").decode()


def value_of(node: Node) -> Any:
    """Return a node's value; see `Declaration.value`."""
    match node.type:
        case "string":
            return "".join(_piece(child) for child in node.named_children)
        case "number":
            return int(text_of(node))
        case "boolean" | "null":
            return _LITERALS[text_of(node)]
        case "array":
            return [value_of(child) for child in node.named_children if child.type != "comment"]
        case "object":
            return dict(_properties(node))
        case "for_statement" | "if_statement":
            return value_of(node.named_children[-1])
        case _:
            return Expression(text_of(node))


def _piece(node: Node) -> str:
    # an escape is left as it is written; no template needs one
    return text_of(node)


def _properties(node: Node) -> Iterator[tuple[str, Any]]:
    for child in node.named_children:
        if child.type != "object_property" or len(child.named_children) != 2:
            continue
        key, value = child.named_children
        yield (value_of(key) if key.type == "string" else text_of(key)), value_of(value)


def _declarations(node: Node, parent: Declaration | None = None) -> Iterator[Declaration]:
    decorators: dict[str, tuple[Any, ...]] = {}
    for child in node.named_children:
        if child.type == "decorators":
            decorators = dict(map(_decorator, child.named_children))
        elif child.type in _KINDS:
            declaration = _declaration(child, decorators, parent)
            decorators = {}
            yield declaration
            if declaration.kind == "resource":
                yield from _declarations(child.named_children[-1], declaration)
        elif child.type in ("object_property", "object", "if_statement", "for_statement") and parent is not None:
            yield from _declarations(child, parent)


def _declaration(node: Node, decorators: Mapping[str, tuple[Any, ...]], parent: Declaration | None) -> Declaration:
    name, *rest = (child for child in node.named_children if child.type != "comment")
    kind = _KINDS[node.type]
    target = ""
    if kind in ("resource", "module"):
        target = value_of(rest[0])
    elif kind in ("param", "output"):
        target = text_of(rest[0])
    has_value = kind != "param" or len(rest) > 1
    return Declaration(
        kind=kind,
        name=text_of(name),
        target=target,
        value=value_of(rest[-1]) if has_value else Expression(""),
        decorators=decorators,
        is_existing=any(child.type == "existing" for child in node.children),
        node=node,
        parent=parent,
    )


def _decorator(node: Node) -> tuple[str, tuple[Any, ...]]:
    call = node.named_children[0]
    name, *arguments = call.named_children
    return text_of(name), tuple(value_of(each) for argument in arguments for each in argument.named_children)
