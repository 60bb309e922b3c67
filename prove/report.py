"""What was proven, as Markdown (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.report import Table

_INTRODUCTION = """\
`make prove` writes this page. It tries to break what the app promises, on the emulated Azure and the emulator's host,
on one machine and without a network: nothing here is a statement about Azure. Secrecy, hostile input and the throttled
load run side by side, so that the times of the parts add up to more than that of the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the proof.

    Attributes:
        title: its heading.
        method: what was run, and what was looked at.
        tables: the figures.
        failures: each finding against a promise, in full; none: the part holds.
        not_shown: what this part does not show.
        notes: further paragraphs.
        files: what is written beside the page, such as pictures: name and text.
    """

    title: str
    method: str
    tables: Sequence[Table] = ()
    failures: Sequence[str] = ()
    not_shown: Sequence[str] = ()
    notes: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict[str, str])

    def to_markdown(self) -> str:
        """Return a section: result, method, tables, notes, failures, limits."""
        blocks = [f"## {self.title}", self.result, self.method, *(table.to_markdown() for table in self.tables)]
        blocks += self.notes
        if self.failures:
            blocks.append("\n".join(("Failures:", "", *(f"- {line(each)}" for each in self.failures))))
        if self.not_shown:
            blocks.append("\n".join(("Not shown by this:", "", *(f"- {each}" for each in self.not_shown))))
        return "\n\n".join(blocks)

    @property
    def result(self) -> str:
        """The result in one phrase."""
        return f"**{len(self.failures)} failed.**" if self.failures else "Holds."


def line(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())


def render(parts: Iterable[Part], about: Iterable[tuple[str, str]]) -> str:
    """Return the whole page; `about` are facts of the run and the machine, by name."""
    parts = list(parts)
    summary = Table(("part", "result"), [(each.title, each.result) for each in parts])
    return "\n\n".join(
        (
            f"# Reliability\n\n{_INTRODUCTION}",
            summary.to_markdown(),
            Table(("", ""), [(name, line(value)) for name, value in about]).to_markdown(),
            *(each.to_markdown() for each in parts),
            "",
        )
    )
