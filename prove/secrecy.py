"""Secrecy: keys of both shapes and tokens go through everything that the app does, and are looked for everywhere."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import BenchError
from bench.progress import Progress
from bench.report import Table
from prove.canary import SCENES, Scene, Stage
from prove.lane import Json, Lane
from prove.leaks import GRAM, LeakIndex, forms
from prove.report import Part

_SHAPES = ("base64", "cask")
_QUICK_SCENES = 2
_DEBUG = {"PYTHON_ENABLE_DEBUG_LOGGING": "1"}


@dataclass(frozen=True, slots=True)
class Searched:
    """A place that was searched: its text, and how many things (answers, lines, instances, events) it is made of."""

    name: str
    text: str
    things: int


def run(*, quick: bool, progress: Progress) -> Part:
    """Let everything happen, and search; raises BenchError where something could not be tried."""
    rows: list[tuple[str, ...]] = []
    failures: list[str] = []
    planted = found_again = 0
    scenes = SCENES[:_QUICK_SCENES] if quick else SCENES
    for shape in _SHAPES[-1:] if quick else _SHAPES:
        progress(f"keys of the shape {shape} through {len(scenes)} scenes")
        with Lane("--log-level", "debug", settings=_DEBUG) as lane:
            keys, places = _everything(lane, shape, scenes)
        index = LeakIndex(keys)
        for place in places:
            leaks = index.find(place.text)
            failures += [f"{shape}, {place.name}: {leak}" for leak in leaks]
            rows.append((shape, place.name, f"{place.things:,}", f"{len(place.text):,}", str(len(leaks) or "none")))
        more, again = _plant(index, keys[:1] if quick else keys, places)
        planted, found_again = planted + more, found_again + again
    if planted != found_again:
        failures.append(f"of {planted} planted leaks {found_again} were found: the search is blind")
    control = (
        f"The search is no blind one: {planted:,} leaks were planted into these texts, each form of the keys whole "
        f"and pieces of {GRAM} characters of it, and {found_again:,} found."
    )
    return Part(
        title="Secrecy",
        method=_METHOD.format(scenes=", ".join(name for name, _ in scenes)),
        tables=[Table(("keys", "searched", "things", "characters", "found"), rows)],
        failures=failures,
        not_shown=_NOT_SHOWN,
        notes=[control],
    )


def _everything(lane: Lane, shape: str, scenes: Sequence[Scene]) -> tuple[list[str], list[Searched]]:
    stage = Stage(lane, shape)
    for name, scene in scenes:
        try:
            scene(stage)
        except (OSError, LookupError) as error:
            raise BenchError(f"the scene {name!r}: {type(error).__name__}: {error}") from error
    durable, events = lane.durable(), lane.events()
    log = lane.log()
    if "DEBUG" not in log:
        raise BenchError("The log is not that of DEBUG.")
    out: list[Json] = [each["event"] for each in events if each["direction"] == "out"]
    instances: list[Json] = durable["instances"]
    entities: list[Json] = durable["entities"]
    places = [
        Searched("answers, with their headers", "\n".join(lane.answers), len(lane.answers)),
        Searched("log of app and host at DEBUG, tracebacks included", log, log.count("\n")),
        Searched("orchestrations: input, output, status, history", _text(instances), len(instances)),
        Searched("entities", _text(entities), len(entities)),
        Searched("events out", _text(out), len(out)),
    ]
    empty = [place.name for place in places if not place.things]
    if empty:
        raise BenchError(f"There is nothing to search in {', '.join(empty)}.")
    return [*stage.keys(), *lane.secrets_of_the_host], places


def _plant(index: LeakIndex, keys: Sequence[str], places: Sequence[Searched]) -> tuple[int, int]:
    """Plant each form of each key, whole and in part, into a text that was searched; return how many, and how many of
    them were found."""
    planted = found = 0
    # what surrounds it is from a real text, and short, so that all of this takes a moment
    samples = [place.text[:200] for place in places]
    for key in keys:
        for _, form in forms(key):
            middle = len(form) // 2
            for piece in (form, form[:GRAM], form[middle : middle + GRAM], form[-GRAM:]):
                text = samples[planted % len(samples)]
                planted += 1
                found += bool(index.find(f"{text}{piece}{text}"))
    return planted, found


def _text(values: Sequence[Json]) -> str:
    return "\n".join(json.dumps(value, ensure_ascii=False) for value in values)


_METHOD = """\
The emulated Azure issues keys of both shapes; they and the tokens go through these scenes, with logging at DEBUG:
{scenes}. Then every key that was ever issued, the host's own keys and a token are searched for in the clear, URL-,
JSON-, base64- (at each of three positions), base64url- and hex-encoded, and any twelve characters of each of those;
every JSON Web Token is a finding."""
_NOT_SHOWN = (
    "What a caller puts into the path or query of a URL: hosts log those.",
    "A piece of a key that a caller sends in place of a word: nobody can tell it from another one.",
    f"Fewer than {GRAM} characters of a key, or forms other than those named.",
    "Memory, core dumps, and what a telemetry agent records of its own accord.",
)
