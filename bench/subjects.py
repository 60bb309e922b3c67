"""What the parts of a run are about, for --help: the first line of each module."""

import ast
import importlib.util
import textwrap
from collections.abc import Iterable
from pathlib import Path


def subjects(package: str, names: Iterable[str]) -> str:
    """Return a line or more for each module of the package, which is read and not imported."""
    return "\n".join(_line(name, _subject(f"{package}.{name}")) for name in names)


def _subject(module: str) -> str:
    spec = importlib.util.find_spec(module)
    text = Path(spec.origin).read_text("utf-8") if spec is not None and spec.origin else ""
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def _line(name: str, subject: str) -> str:
    return textwrap.fill(subject, 100, initial_indent=f"  {name:<12}", subsequent_indent=" " * 14)
