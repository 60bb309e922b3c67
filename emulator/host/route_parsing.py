"""Route templates of ASP.NET: from text to segments (pure).

Syntax: https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-templates.
"""

import re
from dataclasses import dataclass

from emulator.host.constraints import Constraint, make_constraint

_LITERAL, _CONSTRAINED, _PARAMETER, _CONSTRAINED_CATCH_ALL, _CATCH_ALL = 1, 2, 3, 4, 5
_PARAMETER_TEXT = re.compile(r"(?P<stars>\*{0,2})(?P<name>[^\s*?:=/{}]+)(?P<rest>.*)", re.DOTALL)
_BRACED = re.compile(r"\{(?:[^{}]|\{\{|\}\})*\}")


class TemplateError(ValueError):
    """A route template that ASP.NET would refuse; `str(error)` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One `{parameter}` of a template."""

    name: str
    constraints: tuple[Constraint, ...] = ()
    catch_all: bool = False
    optional: bool = False
    default: str | None = None

    @property
    def may_be_absent(self) -> bool:
        """Whether a path may end before it."""
        return self.optional or self.catch_all or self.default is not None

    def accepts(self, value: str) -> bool:
        """Whether the value fits all constraints."""
        return all(constraint(value) for constraint in self.constraints)


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: a literal, one parameter, or a mix of both, which `pattern` takes apart.

    `digit` is its place in the order of matching.
    """

    digit: int
    literal: str | None
    parameters: tuple[Parameter, ...]
    pattern: re.Pattern[str] | None = None

    def match(self, value: str) -> dict[str, str] | None:
        """Return the parameters' values in a decoded segment of a path, or None if it does not fit."""
        if self.literal is not None:
            # .NET folds no foreign letter into an ASCII one; lower() makes a k of the Kelvin sign
            same = value.lower() == self.literal and value.isascii() == self.literal.isascii()
            return {} if same else None
        if self.pattern is None:
            found = {self.parameters[0].name: value}
        else:
            matched = self.pattern.fullmatch(value)
            if matched is None:
                return None
            groups = zip(self.parameters, matched.groups(), strict=True)
            found = {parameter.name: text for parameter, text in groups if text is not None}
        accepted = all(p.accepts(found[p.name]) for p in self.parameters if p.name in found)
        return found if accepted else None


def parse_segments(text: str) -> tuple[Segment, ...]:
    """Parse a template without slashes at its ends; TemplateError if it is malformed."""
    segments = tuple(_parse_segment(part) for part in _split(text)) if text else ()
    names = [p.name.lower() for segment in segments for p in segment.parameters]
    if len(names) != len(set(names)):
        raise TemplateError("a parameter appears twice")
    if any(p.catch_all for segment in segments[:-1] for p in segment.parameters):
        raise TemplateError("a catch-all parameter must be the last segment")
    return segments


def _split(text: str) -> list[str]:
    """Split at the slashes outside of braces."""
    parts = [""]
    for piece in _tokens(text):
        if piece == "/":
            parts.append("")
        else:
            parts[-1] += piece
    if "" in parts:
        raise TemplateError("two slashes in a row")
    return parts


def _tokens(text: str) -> list[str]:
    """Cut into single characters, `{{`, `}}`, and whole parameters `{…}`, in which braces are doubled."""
    tokens: list[str] = []
    position = 0
    while position < len(text):
        pair, character = text[position : position + 2], text[position]
        if pair in {"{{", "}}"}:
            token = pair
        elif character == "{":
            matched = _BRACED.match(text, position)
            if matched is None:
                raise TemplateError("a brace is not closed")
            token = matched[0]
        elif character == "}":
            raise TemplateError("a brace is closed that was not opened")
        else:
            token = character
        tokens.append(token)
        position += len(token)
    return tokens


def _parse_segment(text: str) -> Segment:
    pieces: list[str | Parameter] = []
    for piece in _tokens(text):
        if piece.startswith("{") and piece != "{{":
            if pieces and isinstance(pieces[-1], Parameter):
                raise TemplateError("two parameters must be parted by a literal")
            pieces.append(_parse_parameter(piece[1:-1].replace("{{", "{").replace("}}", "}")))
        elif pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece[0]
        else:
            pieces.append(piece[0])
    parameters = tuple(piece for piece in pieces if isinstance(piece, Parameter))
    if not parameters:
        return Segment(_LITERAL, "".join(map(str, pieces)).lower(), ())
    if len(pieces) == 1:
        return Segment(_parameter_digit(parameters[0]), None, parameters)
    return Segment(_CONSTRAINED, None, parameters, _complex_pattern(pieces))


def _complex_pattern(pieces: list[str | Parameter]) -> re.Pattern[str]:
    pattern = ""
    for piece in pieces:
        if isinstance(piece, str):
            pattern += re.escape(piece)
            continue
        if piece.catch_all or piece.default is not None:
            raise TemplateError("a catch-all parameter, or one with a default, must be a segment of its own")
        if not piece.optional:
            pattern += "(.+)"
        elif pieces[-2:] == [".", piece] and len(pieces) > 2:
            # The parameter before it must leave it what follows the last period.
            pattern = pattern.removesuffix(r"(.+)\.") + r"(.+?)(?:\.([^.]+))?"
        else:
            raise TemplateError("an optional parameter in a segment must be last, after a period")
    return re.compile(pattern, re.IGNORECASE)


def _parameter_digit(parameter: Parameter) -> int:
    if parameter.catch_all:
        return _CONSTRAINED_CATCH_ALL if parameter.constraints else _CATCH_ALL
    return _CONSTRAINED if parameter.constraints else _PARAMETER


def _parse_parameter(text: str) -> Parameter:
    matched = _PARAMETER_TEXT.fullmatch(text)
    if matched is None:
        raise TemplateError(f"{{{text}}} is not a parameter")
    rest, constraints = matched["rest"], list[Constraint]()
    while rest.startswith(":"):
        constraint, rest = _take_constraint(rest[1:])
        constraints.append(constraint)
    default: str | None = None
    optional = rest == "?"
    if rest.startswith("="):
        default = rest[1:]
    elif rest and not optional:
        raise TemplateError(f"{{{text}}} is not a parameter")
    catch_all = bool(matched["stars"])
    if catch_all and optional:
        raise TemplateError("a catch-all parameter cannot be optional")
    return Parameter(
        name=matched["name"],
        constraints=tuple(constraints),
        catch_all=catch_all,
        optional=optional,
        default=default,
    )


def _take_constraint(text: str) -> tuple[Constraint, str]:
    """Take `name` or `name(arguments)` off the front; a parenthesis before `:`, `=`, `?` or the end closes it."""
    matched = re.match(r"([A-Za-z]+)(?:\((.*?)\)(?=$|:|=|\?$))?", text, re.DOTALL)
    if matched is None:
        raise TemplateError(f"{text!r} is not a constraint")
    try:
        return make_constraint(matched[1], matched[2]), text[matched.end() :]
    except ValueError as error:
        raise TemplateError(str(error)) from None
