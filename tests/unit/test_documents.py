"""The documents: their links lead somewhere, and docs/architecture.md names every module."""

import re
from pathlib import Path

from tests.support.committed import committed_files
from tests.support.emulator import PROJECT_ROOT


def _without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def _anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _without_code(text), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


def dead_links(document: Path, text: str) -> list[str]:
    """Return the links within the project that lead to no file, or to no heading of it."""
    dead: list[str] = []
    for link in re.findall(r"\]\(([^)\s]+)\)", _without_code(text)):
        if re.match(r"https?:|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        there = target.exists()
        if not there or (anchor and target.suffix == ".md" and anchor not in _anchors(target.read_text("utf-8"))):
            dead.append(link)
    return dead


def test_every_link_leads_somewhere() -> None:
    """Files and headings, in every document that git knows."""
    documents = [PROJECT_ROOT / name for name in committed_files() if name.endswith(".md")]
    assert len(documents) > 5
    texts = {document: document.read_text("utf-8") for document in documents if document.exists()}
    assert {str(each): dead for each, text in texts.items() if (dead := dead_links(each, text))} == {}


def test_a_dead_link_is_found() -> None:
    """A file that is not there, and a heading that is not there; not what stands in a block of code."""
    text = "[a](nowhere.md) [b](rotation.md#status) [c](rotation.md#no) [d](#e-f)\n# E `f`\n```\n[g](code.md)\n```\n"
    page = PROJECT_ROOT / "docs" / "cost.md"
    assert dead_links(page, text) == ["nowhere.md", "rotation.md#no", "#e-f"]


def test_the_architecture_names_every_module() -> None:
    """Each module of shared/ stands in the table of the parts."""
    text = (PROJECT_ROOT / "docs" / "architecture.md").read_text("utf-8")
    packages = ("azure_clients",)
    modules = {
        path.name
        for path in (PROJECT_ROOT / "shared").rglob("*.py")
        if not path.name.startswith("__") and path.parent.name not in packages
    }
    assert {name for name in modules if not re.search(rf"\b{re.escape(name)}", text)} == set()
