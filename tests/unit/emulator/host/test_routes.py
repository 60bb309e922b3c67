"""Route templates: what they take apart, what they refuse, in which order they are tried."""

import pytest

from emulator.host.route_parsing import TemplateError
from emulator.host.routes import RouteTemplate

MATCHES: list[tuple[str, str, dict[str, str] | None]] = [
    ("things", "things", {}),
    ("things", "THINGS/", {}),
    ("things", "things//", None),
    ("key", "\u212aey", None),
    ("\u00e4", "\u00c4", {}),
    ("things", "things/more", None),
    ("things", "", None),
    ("", "", {}),
    ("a/{id}", "a/5", {"id": "5"}),
    ("a/{id}", "a", None),
    ("a/{id}", "a//", None),
    ("a/{id}/b", "a//b", None),
    ("a/{Id}", "a/X", {"Id": "X"}),
    ("a/{id?}", "a", {}),
    ("a/{id?}", "a/5", {"id": "5"}),
    ("a/{id?}", "a/5/6", None),
    ("a/{id=7}", "a", {"id": "7"}),
    ("a/{id:int=7}", "a/x", None),
    ("a/{id=}", "a", {"id": ""}),
    ("a/{id:int:min(3)?}", "a/2", None),
    ("a/{id:int:min(3)?}", "a/3", {"id": "3"}),
    ("{*rest}", "", {}),
    ("{*rest}", "a/b", {"rest": "a/b"}),
    ("x/{**rest}", "x/a//b", {"rest": "a//b"}),
    ("x/{*rest=none}", "x", {"rest": "none"}),
    ("x/{*rest:minlength(3)}", "x/ab", None),
    ("f/{name}.{ext}", "f/a.b.c", {"name": "a.b", "ext": "c"}),
    ("f/{name}.{ext}", "f/a", None),
    ("f/{name}.{ext?}", "f/a", {"name": "a"}),
    ("f/{name}.{ext?}", "f/a.b", {"name": "a", "ext": "b"}),
    ("f/{name}.{ext?}", "f/a.b.c", {"name": "a.b", "ext": "c"}),
    ("x{name}.{ext?}", "xa.b", {"name": "a", "ext": "b"}),
    ("v{major:int}-{minor:int}", "V1-2", {"major": "1", "minor": "2"}),
    ("f/{name}.{ext?}", "f/a.b.c", {"name": "a.b", "ext": "c"}),
    ("x{name}.{ext?}", "xa.b", {"name": "a", "ext": "b"}),
    ("v{major:int}-{minor:int}", "v1-x", None),
    (r"s/{ssn:regex(^\d{{3}}-\d{{2}}$)}", "s/123-45", {"ssn": "123-45"}),
    (r"s/{ssn:regex(^\d{{3}}-\d{{2}}$)}", "s/1234-5", None),
    ("a{{b}}", "a{b}", {}),
]


@pytest.mark.parametrize(("template", "path", "expected"), MATCHES)
def test_a_template_takes_a_path_apart(template: str, path: str, expected: dict[str, str] | None) -> None:
    """The route values, or None where the path does not fit."""
    assert RouteTemplate(template).match(path.split("/")) == expected


@pytest.mark.parametrize(
    "template",
    [
        "a/{b",
        "a/b}",
        "a//b",
        "{a}{b}",
        "{a}/{A}",
        "{*a}/b",
        "x{*a}",
        "{a}b{c=1}",
        "{*a?}",
        "{a?}b",
        "{a}-{b?}",
        "{}",
        "{a b}",
        "{a:}",
        "{a:nonsense}",
        "{a:int(3)}",
        "{a:min}",
        "{a:min(x)}",
        "{a:length(1,2,3)}",
        "{a:range(1)}",
        "{a:regex([)}",
    ],
)
def test_a_malformed_template_is_refused(template: str) -> None:
    """As ASP.NET refuses it when the route is made, not when it is asked for."""
    with pytest.raises(TemplateError):
        RouteTemplate(template)


def test_templates_sort_from_specific_to_general() -> None:
    """Segment by segment: literal, constrained or mixed, plain, constrained catch-all, catch-all."""
    ordered = ["a/b", "a/{x:int}", "a/{x}", "a/{*x:int}", "a/{*x}", "{x:int}/b", "{x}/b", "{*x}"]
    shuffled = ordered[::-1]
    assert sorted(shuffled, key=lambda text: RouteTemplate(text).precedence) == ordered
    assert RouteTemplate("v{x}").precedence == RouteTemplate("{x:int}").precedence
