"""The licences of what is deployed: `python -m tests.support.licences` writes docs/licences.md (`make licences`)."""

from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "licences.md"
_HEAD = """\
# Licences of what is deployed

The packages that `requirements.txt` names and all that they bring on Python 3.13 on Linux, as their own metadata say.
`make licences` writes this page, and a test holds it. The project itself has the [MIT licence](../LICENSE). What
`requirements-dev.txt` adds is not deployed.

| package | licence |
|---|---|
"""


def deployed() -> dict[str, str]:
    """Return every deployed package by its canonical name, with its licence."""
    found: dict[str, str] = {}
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    waiting = [Requirement(line).name for line in lines if line.strip() and not line.startswith("#")]
    while waiting:
        package = metadata.distribution(waiting.pop())
        name = canonicalize_name(package.name)
        if name in found:
            continue
        found[name] = licence(package)
        for text in package.requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def licence(package: metadata.Distribution) -> str:
    """Return a package's licence: its SPDX expression, else its classifier, else the first line of its own words."""
    told = package.metadata
    expression: str | None = told.get("License-Expression")
    if expression:
        return expression
    classifiers = [each.rpartition(" :: ")[2] for each in told.get_all("Classifier", []) if "License :: OSI" in each]
    own: str = told.get("License", "")
    return " / ".join(classifiers) or (own.splitlines() or [""])[0]


def page() -> str:
    """Return the page."""
    return _HEAD + "".join(f"| {name} | {terms} |\n" for name, terms in sorted(deployed().items()))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
