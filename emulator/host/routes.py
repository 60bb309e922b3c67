"""Matching of paths with ASP.NET route templates, as the Functions host does it for HTTP triggers (pure).

Literals are compared in any case. The order of matching is `RoutePrecedence.ComputeInbound` of aspnetcore: at each
segment a literal comes before a constrained parameter, that before a plain one, that before a catch-all.
"""

from collections.abc import Sequence

from emulator.host.route_parsing import Parameter, Segment, parse_segments


class RouteTemplate:
    """A parsed template; `match` takes decoded path segments apart. TemplateError if the text is malformed."""

    def __init__(self, text: str) -> None:
        self.text = text.strip("/")
        self._segments = parse_segments(self.text)
        self.precedence = tuple(segment.digit for segment in self._segments)

    def match(self, path: Sequence[str]) -> dict[str, str] | None:
        """Return the route values of `path` (its segments), or None. An absent optional parameter has no entry."""
        if path and not path[-1]:
            path = path[:-1]  # one trailing slash does not count
        values: dict[str, str] = {}
        for index, segment in enumerate(self._segments):
            parameter = segment.parameters[0] if segment.parameters else None
            if parameter is not None and parameter.catch_all:
                found = _match_rest(parameter, "/".join(path[index:]))
            elif index < len(path) and path[index]:
                found = segment.match(path[index])
            else:
                found = _absent(segment) if index >= len(path) else None
            if found is None:
                return None
            values |= found
            if parameter is not None and parameter.catch_all:
                return values
        return values if len(path) <= len(self._segments) else None


def _absent(segment: Segment) -> dict[str, str] | None:
    if segment.literal is not None or segment.pattern is not None:
        return None
    (parameter,) = segment.parameters
    if not parameter.may_be_absent:
        return None
    return {} if parameter.default is None else {parameter.name: parameter.default}


def _match_rest(parameter: Parameter, rest: str) -> dict[str, str] | None:
    if not rest:
        return {} if parameter.default is None else {parameter.name: parameter.default}
    return {parameter.name: rest} if parameter.accepts(rest) else None
