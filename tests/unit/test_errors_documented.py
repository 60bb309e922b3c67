"""README tells of every error."""

import re
from collections.abc import Iterator
from pathlib import Path

from shared.conflicts import Conflict
from shared.errors import AppError
from shared.event_data import MalformedEvent
from shared.event_grid_errors import EventNotPublished
from shared.key_vault_errors import KeyVaultError
from shared.rotation.status import TERMINATED

_README = Path(__file__).resolve().parents[2] / "README.md"
# what is only logged
_NOBODYS_ANSWER = (MalformedEvent, EventNotPublished)


def _errors(base: type[AppError] = AppError) -> Iterator[type[AppError]]:
    for error in base.__subclasses__():
        if error.__module__.startswith("shared."):
            yield error
            yield from _errors(error)


def test_the_table_of_the_readme_knows_every_code() -> None:
    """README's error table has every error code of the app, beside its status, and no other code."""
    table = _README.read_text(encoding="utf-8").partition("\n## Errors\n")[2].partition("\n## Settings\n")[0]
    rows = re.findall(r"^\| (\d{3}) ((?:`\w+`(?:, )?)+) \|", table, re.MULTILINE)
    told = {(int(status), code) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)}
    assert {Conflict, KeyVaultError} <= set(_errors())
    codes = {
        (error.status, error.code) for error in _errors() if "code" in vars(error) and error not in _NOBODYS_ANSWER
    }
    assert told == codes | {
        (400, "MissingApiVersionParameter"),
        (400, "InvalidApiVersionParameter"),
        (409, str(TERMINATED["code"])),
        (AppError.status, AppError.code),
    }
