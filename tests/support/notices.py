"""What the app makes of delivered events: notices, and the problems of malformed ones."""

from collections.abc import Callable
from typing import cast

import pytest

from shared.event_data import MalformedEvent
from shared.events import Notice, parse
from tests.support.events import SCHEMAS, Json, received
from tests.support.fakes import LEGACY_KEY

both_schemas = pytest.mark.parametrize("schema", SCHEMAS)

# what a publisher may do to the names of fields
_RESPELLINGS: list[Callable[[str], str]] = [str.lower, str.upper, " {}".format, "{}\t ".format]
respellings = pytest.mark.parametrize(
    "respell",
    _RESPELLINGS,
    ids=["lower case", "upper case", "blank before", "blanks behind"],
)


def notice(wire: Json) -> Notice:
    """Return what a delivered event says."""
    return parse(received(wire))


def problems(wire: Json) -> list[tuple[str, str]]:
    """Return code and target of each problem of a malformed event; neither `s3cr3t` nor a key is told with them."""
    with pytest.raises(MalformedEvent) as raised:
        notice(wire)
    text = f"{raised.value} {raised.value.to_json()}"
    assert "s3cr3t" not in text
    assert LEGACY_KEY[:20] not in text
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    return [(problem.code, problem.target) for problem in raised.value.problems]


def renamed(data: Json, respell: Callable[[str], str]) -> Json:
    """Return an object with other names, at every depth."""
    return {
        respell(name): renamed(cast("Json", value), respell) if isinstance(value, dict) else value
        for name, value in data.items()
    }
