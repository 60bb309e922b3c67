"""README tells of every error."""

from pathlib import Path

from shared import errors

_README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_table_of_the_readme_knows_every_code() -> None:
    """README's error table names every error code of the app."""
    table = _README.read_text(encoding="utf-8").partition("## Errors")[2].partition("## Settings")[0]
    codes = {
        error.code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.AppError) and "code" in vars(error)
    }
    assert {code for code in codes if f"`{code}`" not in table} == set()
