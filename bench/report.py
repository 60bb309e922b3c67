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


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One measurement: a table of `rows` under `header`, how it was made, and what it was to show."""

    title: str
    method: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    aims: Sequence[Aim]
    notes: Sequence[str] = ()

    def to_markdown(self) -> str:
        """Return a section: method, table, aims, notes."""
        aims = [(each.aim, each.measured, "met" if each.met else "**not met**") for each in self.aims]
        parts = [
            f"## {self.title}",
            self.method,
            _table(self.header, self.rows),
            _table(("aim", "measured", ""), aims),
            *self.notes,
        ]
        return "\n\n".join(parts)


def render(measurements: Iterable[Measurement], about: Iterable[tuple[str, str]], *, judged: bool) -> str:
    """Return the whole page.

    `about` are facts of the run and the machine, by name; `judged` is False for a run too short to tell anything.
    """
    measurements = list(measurements)
    return "\n\n".join(
        (
            f"# Measurements\n\n{_INTRODUCTION}",
            _summary(measurements) if judged else "A quick run: too short to judge by.",
            _table(("", ""), about),
            *(each.to_markdown() for each in measurements),
            "",
        )
    )


def _summary(measurements: Iterable[Measurement]) -> str:
    missed = [f"{each.title}: {aim.aim}" for each in measurements for aim in each.aims if not aim.met]
    return "All aims are met." if not missed else f"**Not met**: {'; '.join(missed)}. All others are met."


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
