"""docs/deploy.md tells of every parameter, with its default, and of nothing that is not there."""

import re

from tests.support.azd import OF_HOOKS, parameters
from tests.support.bicep import INFRA

PAGE = INFRA.parent / "docs" / "deploy.md"
ROW = re.compile(r"^\| `(?P<name>[A-Z_]+)` \|.*\| (?P<default>[^|]+) \|$", re.MULTILINE)
# azd asks for these where they are not set
ASKED = {"COMMUNICATION_SERVICE_IDS", "AZURE_ENV_NAME", "AZURE_LOCATION"}


def documented() -> dict[str, str]:
    """Return the table of parameters: name -> default."""
    rows = [(match["name"], match["default"]) for match in ROW.finditer(PAGE.read_text("utf-8"))]
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def test_the_page_names_every_parameter_with_its_default() -> None:
    """The table holds what the parameters file reads, and what the hooks read besides."""
    read = {match["name"]: match["default"] or "" for match in parameters().values()} | OF_HOOKS
    expected = {
        name: "asked for" if name in ASKED else f"`{default}`" if default else "-" for name, default in read.items()
    }
    assert documented() == expected


def test_what_the_page_links_to_is_there() -> None:
    """Links to files and to headings of the page itself lead somewhere."""
    text = PAGE.read_text("utf-8")
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    for target in re.findall(r"\]\((?!https:)([^)]+)\)", text):
        path, _, heading = target.partition("#")
        if path:
            assert (PAGE.parent / path).resolve().exists(), target
        else:
            assert heading in headings, target


def test_the_page_says_first_that_it_was_not_run() -> None:
    """Nobody is left to think that Azure has seen this."""
    assert "None of this has been run in Azure." in PAGE.read_text("utf-8").partition("## ")[0]
