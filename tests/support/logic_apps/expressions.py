"""The expressions of the Workflow Definition Language, as far as the samples use them; what is not known raises.

https://learn.microsoft.com/azure/logic-apps/workflow-definition-language-functions-reference
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast


class ExpressionError(Exception):
    """An expression that cannot be read, or that has no value here."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A text or a number."""

    value: str | int


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Select:
    """A property of a value: `target['name']`, or `target?['name']`, which null may lack."""

    target: "Node"
    name: str
    optional: bool


Node = Literal | Call | Select
Functions = Mapping[str, Callable[..., Any]]

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+)|(?P<name>[A-Za-z]+)|(?P<mark>\?\[|[\[\](),]))")


def is_expression(value: str) -> bool:
    """Whether a text of a definition is an expression as a whole; one within a text raises: no sample has any."""
    if "@{" in value:
        raise ExpressionError(f"an expression within a text is not known here: {value}")
    return value.startswith("@") and not value.startswith("@@")


def parse(value: str) -> Node:
    """Read an expression, with its `@`."""
    tokens = list(_tokens(value[1:]))
    node, rest = _node(tokens)
    if rest:
        raise ExpressionError(f"left over in {value}: {rest}")
    return node


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ExpressionError(f"not known in an expression: {text[position:]}")
        yield found[0].strip()
        position = found.end()


def _node(tokens: list[str]) -> tuple[Node, list[str]]:
    if not tokens:
        raise ExpressionError("the expression ends early")
    first, *rest = tokens
    node: Node
    if first.startswith("'"):
        node = Literal(first[1:-1].replace("''", "'"))
    elif first.isdecimal():
        node = Literal(int(first))
    elif first.isalpha() and rest[:1] == ["("]:
        arguments, rest = _arguments(rest[1:])
        node = Call(first, arguments)
    else:
        raise ExpressionError(f"not known in an expression: {first}")
    while rest[:1] in (["["], ["?["]):
        if len(rest) < 3 or not rest[1].startswith("'") or rest[2] != "]":
            raise ExpressionError(f"no property: {rest}")
        node = Select(node, rest[1][1:-1], optional=rest[0] == "?[")
        rest = rest[3:]
    return node, rest


def _arguments(tokens: list[str]) -> tuple[tuple[Node, ...], list[str]]:
    arguments: list[Node] = []
    if tokens[:1] == [")"]:
        return (), tokens[1:]
    while True:
        node, tokens = _node(tokens)
        arguments.append(node)
        if tokens[:1] == [")"]:
            return tuple(arguments), tokens[1:]
        if tokens[:1] != [","]:
            raise ExpressionError(f"neither a comma nor an end: {tokens}")
        tokens = tokens[1:]


def calls(node: Node) -> Iterator[Call]:
    """Give every call of a function in an expression."""
    match node:
        case Call(arguments=arguments):
            yield node
            for argument in arguments:
                yield from calls(argument)
        case Select(target=target):
            yield from calls(target)
        case Literal():
            pass


def evaluate(value: Any, functions: Functions) -> Any:
    """Return a value of a definition with every expression in it replaced; ExpressionError where one has no value."""
    match value:
        case str():
            return _value(parse(value), functions) if is_expression(value) else value
        case dict():
            items = cast("dict[str, Any]", value).items()
            return {name: evaluate(each, functions) for name, each in items}
        case list():
            return [evaluate(each, functions) for each in cast("list[Any]", value)]
        case _:
            return value


def _value(node: Node, functions: Functions) -> Any:
    match node:
        case Literal(value=value):
            return value
        case Call(name=name, arguments=arguments):
            if name not in functions:
                raise ExpressionError(f"the function {name} is not known here")
            return functions[name](*(_value(argument, functions) for argument in arguments))
        case Select(target=target, name=name, optional=optional):
            return _property(_value(target, functions), name, optional=optional)


def _property(value: Any, name: str, *, optional: bool) -> Any:
    if value is None and optional:
        return None
    if not isinstance(value, dict):
        # as the service says: "Property selection is not supported on values of type 'String'"
        raise ExpressionError(f"the property {name} cannot be selected from a {type(value).__name__}")
    properties = cast("dict[str, Any]", value)
    if name not in properties and not optional:
        raise ExpressionError(f"the property {name} does not exist")
    return properties.get(name)
