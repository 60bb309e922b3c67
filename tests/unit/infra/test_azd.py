"""What azd reads: azure.yaml, the parameters file, the hooks, and what is left out of the package."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.bicep import INFRA, Expression, template

ROOT = INFRA.parent
HOOKS = ("postdeploy.sh", "postdeploy.ps1")
VALUE = re.compile(r"\$\{(?P<name>[A-Z][A-Z0-9_]*)(?:=(?P<default>[^}]+))?\}")
# azd sets these itself; an output of the same name as a parameter's variable would be that parameter's value next time
AZDS_OWN = {"AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID", "AZURE_RESOURCE_GROUP"}


def azure_yaml() -> dict[str, Any]:
    """Return azure.yaml."""
    return yaml.safe_load((ROOT / "azure.yaml").read_text("utf-8"))


def parameters() -> dict[str, re.Match[str]]:
    """Return the parameters file: parameter -> the variable, and its default, that azd puts in."""
    content = json.loads((INFRA / "main.parameters.json").read_text("utf-8"))["parameters"]
    found = {name: VALUE.fullmatch(entry["value"]) for name, entry in content.items()}
    assert all(found.values())
    return {name: match for name, match in found.items() if match is not None}


def outputs() -> set[str]:
    """Return the names of what main.bicep tells azd, which become variables of the environment."""
    return set(template("main.bicep").of("output"))


def test_the_parameters_file_gives_every_parameter() -> None:
    """main.parameters.json names the parameters of main.bicep, all of them and no others, each by its own variable."""
    assert set(parameters()) == set(template("main.bicep").of("param"))
    names = [match["name"] for match in parameters().values()]
    assert len(names) == len(set(names))


def test_the_defaults_are_the_same_in_both_files() -> None:
    """azd hands on an empty text where a variable is unset, so that a default which is none stands there, too."""
    for name, match in parameters().items():
        default = template("main.bicep").of("param")[name].value
        if default == Expression("") and match["default"] is None:
            continue
        assert str(default).lower() == (match["default"] or "").lower(), name


def test_no_output_becomes_a_parameter() -> None:
    """What a deployment tells does not change what the next one does."""
    assert {match["name"] for match in parameters().values()} & outputs() <= AZDS_OWN


def test_azure_yaml_is_of_azds_schema() -> None:
    """The file names one function app in Python, the whole folder, and a hook for each system."""
    content = azure_yaml()
    assert re.fullmatch(r"[a-z0-9][-a-z0-9]*[a-z0-9]", content["name"])
    assert content["services"] == {"app": {"project": ".", "language": "python", "host": "function"}}
    assert set(content) == {"name", "metadata", "requiredVersions", "services", "hooks"}
    assert set(content["hooks"]) == {"postdeploy"}
    assert {system: hook["shell"] for system, hook in content["hooks"]["postdeploy"].items()} == {
        "posix": "sh",
        "windows": "pwsh",
    }


def test_azd_finds_the_function_app() -> None:
    """The app has the tag with the name of the service, and its group the tag of the environment."""
    modules = template("main.bicep").of("module")
    assert modules["functionApp"].value["params"]["tags"] == "union(tags, { 'azd-service-name': 'app' })"
    assert template("main.bicep").of("var")["tags"].value == {"azd-env-name": "environmentName"}


def test_the_hooks_are_there() -> None:
    """Each script that azure.yaml names exists, and the shell's is executable and of a right syntax."""
    scripts = {ROOT / hook["run"] for hook in azure_yaml()["hooks"]["postdeploy"].values()}
    assert scripts == {INFRA / "hooks" / name for name in HOOKS}
    assert all(script.is_file() for script in scripts)
    assert os.access(INFRA / "hooks" / "postdeploy.sh", os.X_OK)
    subprocess.run(["/bin/sh", "-n", INFRA / "hooks" / "postdeploy.sh"], check=True)  # noqa: S603 -- this repository's script


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_gives_events_bicep_its_parameters(name: str) -> None:
    """Both scripts name every parameter, and read what main.bicep tells and azd knows, nothing else."""
    script = (INFRA / "hooks" / name).read_text("utf-8")
    assert set(re.findall(r'"(\w+)=\$', script)) == set(template("events.bicep").of("param"))
    used = set(re.findall(r"\$(?:env:|\{)?([A-Z]+_[A-Z0-9_]+)", script)) - {"EVENTS_WAIT_SECONDS"}
    assert used <= outputs() | AZDS_OWN
    assert {each for each in outputs() if each.startswith("EVENTS_")} <= used


def run_hook(directory: Path, az: str, **environment: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the shell's hook with that script for `az`, and return what came of it and the calls to `az`."""
    log = directory / "calls"
    log.write_text("")
    tool = directory / "az"
    tool.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> "{log}"\n{az}\n')
    tool.chmod(0o755)
    known = dict.fromkeys(outputs() | AZDS_OWN, "x") | {
        "EVENTS_WAIT_SECONDS": "0",
        "PATH": f"{directory}:/usr/bin:/bin",
    }
    done = subprocess.run(  # noqa: S603 -- this repository's script
        [INFRA / "hooks" / "postdeploy.sh"], env=known | environment, capture_output=True, text=True, check=False
    )
    return done, log.read_text().splitlines()


def test_the_hook_deploys_once_the_function_is_there(tmp_path: Path) -> None:
    """It asks until the function is listed, then deploys events.bicep with what the environment holds."""
    seen = tmp_path / "seen"
    done, calls = run_hook(
        tmp_path,
        f'case "$1" in functionapp) [ -e "{seen}" ] || {{ touch "{seen}"; exit 3; }};; esac',
        EVENTS_CUSTOM_TOPIC_ID="",
    )
    assert done.returncode == 0, done.stderr
    assert [call.split()[0] for call in calls] == ["functionapp", "functionapp", "deployment"]
    assert "/hooks/../events.bicep" in calls[-1]
    assert "customTopicId= " in calls[-1]
    assert "keyVaultTopicId=x" in calls[-1]


def test_the_hook_gives_up_on_a_function_that_does_not_come(tmp_path: Path) -> None:
    """After twenty looks it says where to look, and deploys nothing."""
    done, calls = run_hook(tmp_path, "exit 3")
    assert done.returncode == 1
    assert "on_event" in done.stderr
    assert len(calls) == 20


def test_the_hook_fails_with_the_deployment(tmp_path: Path) -> None:
    """What Azure refuses, azd gets to see."""
    done, _ = run_hook(tmp_path, 'case "$1" in deployment) exit 7;; esac')
    assert done.returncode == 7
    assert "subscribed" not in done.stdout


def test_the_hook_says_that_nothing_is_provisioned(tmp_path: Path) -> None:
    """Without the outputs it says what to run first, and asks Azure nothing."""
    done, calls = run_hook(tmp_path, "exit 0", EVENTS_FUNCTION_APP_ID="")
    assert done.returncode != 0
    assert "azd provision" in done.stderr
    assert calls == []


def test_what_azd_needs_is_not_deployed() -> None:
    """The package holds neither the templates nor azd's environments, and what the app needs is not ignored."""
    ignored = set((ROOT / ".funcignore").read_text("utf-8").split())
    assert {"infra", "azure.yaml", ".azure", "tests", "emulator", ".venv"} <= ignored
    assert not {"host.json", "requirements.txt", "function_app.py", "shared"} & ignored
    assert ".azure/" in (ROOT / ".gitignore").read_text("utf-8").split()
