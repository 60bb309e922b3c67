"""README's table, the sample file and the code name the same settings with the same defaults."""

import dataclasses
import json
import re
from pathlib import Path

from shared.settings import DEFAULTS, Settings, setting_names

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"\| `(?P<name>[A-Z_]+)` \|")
# settings of the Functions host, which the sample needs and the app does not read
HOSTS_OWN = {"FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage"}
# the platform's word, which nobody sets by hand
PLATFORMS_OWN = {"app_service_authentication"}


def table() -> dict[str, list[str]]:
    """Return README's table of settings: name -> the cells of its row."""
    _, heading, rest = (ROOT / "README.md").read_text("utf-8").partition("\n## Settings\n")
    assert heading, "README.md has no heading '## Settings'"
    section = re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    rows = [line for line in section.splitlines() if ROW.match(line)]
    found = {row.split("|")[1].strip().strip("`"): [cell.strip() for cell in row.split("|")[1:-1]] for row in rows}
    assert len(found) == len(rows), "README.md names a setting twice"
    return found


def sample() -> dict[str, str]:
    """Return the settings of the app in the sample file."""
    values = json.loads((ROOT / "local.settings.sample.json").read_text("utf-8"))["Values"]
    return {name: value for name, value in values.items() if name not in HOSTS_OWN}


def test_the_readme_names_every_setting() -> None:
    """README's table and the code name the same settings."""
    assert set(table()) == set(setting_names())


def test_the_sample_names_every_setting() -> None:
    """The sample file and the code name the same settings, as strings."""
    assert set(sample()) == set(setting_names())
    assert all(isinstance(value, str) for value in sample().values())


def test_the_settings_object_has_every_setting() -> None:
    """Each variable becomes the field of the same name in lower case."""
    fields = {field.name for field in dataclasses.fields(Settings)}
    assert fields - PLATFORMS_OWN == {name.lower() for name in setting_names()}


def test_the_readme_gives_the_real_defaults() -> None:
    """The third column is the default that the code uses; `-` stands for none."""
    documented = {name: cells[2].strip("`") for name, cells in table().items()}
    assert {name: "" if default == "-" else default for name, default in documented.items()} == dict(DEFAULTS)


def test_the_sample_sets_up_the_host() -> None:
    """`func start` needs the runtime's name and a storage account, and finds them in the sample."""
    content = json.loads((ROOT / "local.settings.sample.json").read_text("utf-8"))
    assert content["IsEncrypted"] is False
    assert content["Values"].keys() >= HOSTS_OWN
    assert content["Values"]["FUNCTIONS_WORKER_RUNTIME"] == "python"
