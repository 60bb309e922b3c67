"""samples/logic-apps/prepare.py writes what the two plans of Logic Apps import."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.logic_apps.definitions import FOLDER, NAMES, all_calls, load

VALUES = {
    "APP_URL": "https://app.example",
    "FUNCTION_KEY": "the-function-key",
    "NOTIFICATION_URL": "https://hook.example/?sig=secret",
    "AUDIENCE": "api://app",
    "RESOURCE_IDS": "/one /two",
}
SECRETS = ("the-function-key", "https://hook.example/?sig=secret")


def _prepare(folder: Path, plan: str, name: str, values: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, FOLDER / "prepare.py", plan, FOLDER / f"{name}.json", folder]
    return subprocess.run(  # noqa: S603 - our own script
        command, env=values, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("name", NAMES)
def test_for_consumption_the_values_stand_beside_the_definition(tmp_path: Path, name: str) -> None:
    """The definition as it is, a value for each of its parameters, and nobody else may read the file."""
    assert _prepare(tmp_path, "consumption", name, VALUES).returncode == 0
    (path,) = tmp_path.iterdir()
    written = json.loads(path.read_text("utf-8"))
    assert written["definition"] == load(name)
    assert set(written["parameters"]) == set(load(name)["parameters"])
    assert written["parameters"]["functionKey"] == {"value": "the-function-key"}
    assert written["parameters"].get("resourceIds", {"value": ["/one", "/two"]}) == {"value": ["/one", "/two"]}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", NAMES)
def test_for_standard_secrets_are_names_of_app_settings(tmp_path: Path, name: str) -> None:
    """A stateful workflow without declarations, all parameters in one file, and no secret in either."""
    plain = {key: value for key, value in VALUES.items() if value not in SECRETS}
    assert _prepare(tmp_path, "standard", name, plain).returncode == 0
    workflow = json.loads((tmp_path / name / "workflow.json").read_text("utf-8"))
    parameters = json.loads((tmp_path / "parameters.json").read_text("utf-8"))
    definition = load(name)
    declared = definition.pop("parameters")
    assert workflow == {"definition": definition, "kind": "Stateful"}
    assert set(parameters) == set(declared)
    assert parameters["functionKey"] == {"type": "String", "value": "@appsetting('FUNCTION_KEY')"}
    # secure types are not supported there
    assert {each["type"] for each in parameters.values()} <= {"String", "Array"}
    assert any(call.name == "parameters" for call in all_calls(workflow))


def test_what_is_missing_is_named_and_nothing_is_overwritten(tmp_path: Path) -> None:
    """A variable that is not set ends it with its name; so does a file that is there; no secret is shown."""
    without = {key: value for key, value in VALUES.items() if key != "FUNCTION_KEY"}
    missing = _prepare(tmp_path, "consumption", "rotate-and-wait", without)
    assert (missing.returncode, "FUNCTION_KEY" in missing.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []
    _prepare(tmp_path, "consumption", "rotate-and-wait", VALUES)
    there = _prepare(tmp_path, "consumption", "rotate-and-wait", VALUES)
    assert (there.returncode, "is there already" in there.stderr) == (1, True)
    assert not any(secret in there.stdout + there.stderr for secret in SECRETS)
    assert _prepare(tmp_path, "premium", "rotate-and-wait", VALUES).returncode == 1
