"""Measurements as Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_INTRODUCTION = """\
`make bench` writes this page. Absolute figures are those of one machine; what can be compared are the ratios, to a
baseline that is measured in the same run and in turn with the app. Everything runs on the emulated Azure and the
emulator's host, on the same cores as the client: nothing here is a statement about Azure."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What was aimed at, what was measured, both as text, and whether that is within."""

    aim: str
    measured: str
    met: bool


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` under `header`, every row as long as it."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def to_markdown(self) -> str:
        """Return the table."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One measurement: its tables, how it was made, and what it was to show; no aims: it is there to be known."""

    title: str
    method: str
    tables: Sequence[Table]
    aims: Sequence[Aim] = ()
    notes: Sequence[str] = ()

    def to_markdown(self) -> str:
        """Return a section: method, tables, aims, notes."""
        aims = [(each.aim, each.measured, "met" if each.met else "**not met**") for each in self.aims]
        tables = [*self.tables, Table(("aim", "measured", ""), aims)] if aims else self.tables
        return "\n\n".join((f"## {self.title}", self.method, *(each.to_markdown() for each in tables), *self.notes))


def render(measurements: Iterable[Measurement], about: Iterable[tuple[str, str]], *, judged: bool) -> str:
    """Return the whole page.

    `about` are facts of the run and the machine, by name; `judged` is False for a run too short to tell anything.
    """
    measurements = list(measurements)
    return "\n\n".join(
        (
            f"# Measurements\n\n{_INTRODUCTION}",
            _summary(measurements) if judged else "A quick run: too short to judge by.",
            Table(("", ""), list(about)).to_markdown(),
            *(each.to_markdown() for each in measurements),
            "",
        )
    )


def _summary(measurements: Iterable[Measurement]) -> str:
    missed = [f"{each.title}: {aim.aim}" for each in measurements for aim in each.aims if not aim.met]
    return "All aims are met." if not missed else f"**Not met**: {'; '.join(missed)}. All others are met."
