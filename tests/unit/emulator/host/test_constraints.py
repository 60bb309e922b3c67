"""Constraints of route parameters: which values they let through."""

import pytest

from emulator.host.constraints import make_constraint

CASES: list[tuple[str, str | None, list[str], list[str]]] = [
    ("int", None, ["0", "-5", "+7", " 7 ", "2147483647"], ["", "x", "1.5", "2147483648", "٣", "1_0"]),
    ("long", None, ["9223372036854775807"], ["9223372036854775808"]),
    ("bool", None, ["true", "FALSE"], ["1", "yes", ""]),
    ("datetime", None, ["2026-01-31", "2026-01-31T10:00:00Z", "01/31/2026"], ["2026-02-31", "x", ""]),
    ("decimal", None, ["1.5", "-1,000.00", ".5"], ["1e5", "x", "", "."]),
    ("double", None, ["1.5", "1e5", "NaN"], ["x", "", "."]),
    ("float", None, ["-1.5E-5"], ["1.5f"]),
    (
        "guid",
        None,
        [
            "11112222-3333-4444-5555-666677778888",
            "11112222333344445555666677778888",
            "{11112222-3333-4444-5555-666677778888}",
        ],
        [
            "11112222-3333-4444-5555-66667777888",
            "1111-22223333-4444-5555-666677778888",
            "{11112222333344445555666677778888",
        ],
    ),
    ("alpha", None, ["abc", "XYZ", ""], ["a1", "ä"]),
    ("required", None, ["x"], [""]),
    ("file", None, ["a.txt", "x/a.b"], ["a", "a.", "x.y/a"]),
    ("nonfile", None, ["a", "x.y/a"], ["a.txt"]),
    ("minlength", "2", ["ab"], ["a"]),
    ("maxlength", "2", ["ab"], ["abc"]),
    ("length", "2", ["ab"], ["a", "abc"]),
    ("length", "2,3", ["ab", "abc"], ["a", "abcd"]),
    ("min", "3", ["3", "4"], ["2", "x"]),
    ("max", "3", ["3", "-4"], ["4", "x"]),
    ("range", "3,5", ["3", "5"], ["2", "6", "x"]),
    ("regex", "b+", ["abbA", "B"], ["a"]),
    ("INT", None, ["1"], ["x"]),
]


@pytest.mark.parametrize(("name", "arguments", "accepted", "refused"), CASES)
def test_a_constraint_accepts_what_asp_net_accepts(
    name: str, arguments: str | None, accepted: list[str], refused: list[str]
) -> None:
    """Values in the invariant culture; names in any case."""
    constraint = make_constraint(name, arguments)
    assert [value for value in accepted if not constraint(value)] == []
    assert [value for value in refused if constraint(value)] == []


@pytest.mark.parametrize(
    ("name", "arguments"), [("nope", None), ("int", "1"), ("min", None), ("min", "x"), ("regex", "(")]
)
def test_an_unknown_or_malformed_constraint_is_refused(name: str, arguments: str | None) -> None:
    """With a sentence that names it."""
    with pytest.raises(ValueError, match=name):
        make_constraint(name, arguments)
