"""The parts of a run on a command line: which of them, and what each is about."""

import argparse
import ast
import importlib.util
import textwrap
from collections.abc import Callable, Collection, Iterable
from pathlib import Path


def subjects(package: str, names: Iterable[str]) -> str:
    """Return a line or more for each module of the package, which is read and not imported."""
    return "\n".join(_line(name, _subject(f"{package}.{name}")) for name in names)


def names_of(known: Collection[str]) -> Callable[[str], list[str]]:
    """Return what argparse calls to take `NAME,…` apart; a name that is not known is an error that tells the others."""

    def names(text: str) -> list[str]:
        found = [name.strip() for name in text.split(",")]
        unknown = [name for name in found if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}; there are {', '.join(known)}")
        return found

    return names


def _subject(module: str) -> str:
    spec = importlib.util.find_spec(module)
    text = Path(spec.origin).read_text("utf-8") if spec is not None and spec.origin else ""
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def _line(name: str, subject: str) -> str:
    return textwrap.fill(subject, 100, initial_indent=f"  {name:<12}", subsequent_indent=" " * 14)
