"""The hooks: each deploys its template with what the environment holds, and says what is wrong where it cannot."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.azd import AZDS_OWN, HOOKS, MADE, OF_HOOKS, azure_yaml, hook_parameters, outputs
from tests.support.bicep import INFRA, Expression, template

ROOT = INFRA.parent


def test_the_hooks_are_there() -> None:
    """Each script that azure.yaml names exists, and the shell's is executable and of a right syntax."""
    scripts = {ROOT / hook["run"] for systems in azure_yaml()["hooks"].values() for hook in systems.values()}
    assert scripts == {INFRA / "hooks" / f"{name}.{kind}" for name in HOOKS for kind in ("sh", "ps1")}
    assert all(script.is_file() for script in scripts)
    for name in HOOKS:
        assert os.access(INFRA / "hooks" / f"{name}.sh", os.X_OK)
        subprocess.run(["/bin/sh", "-n", INFRA / "hooks" / f"{name}.sh"], check=True)  # noqa: S603 -- of this repository


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_gives_its_template_the_parameters(name: str) -> None:
    """The parameters file beside the template names every parameter, each by a variable that main.bicep tells, azd
    knows, people set or the hook makes; what people may leave unset has the template's default."""
    given = hook_parameters(name)
    params = template(HOOKS[name]).of("param")
    assert f"using '{HOOKS[name]}'\n" in (INFRA / f"{HOOKS[name]}param").read_text("utf-8")
    assert set(given) == set(params)
    assert {match["name"] for match in given.values()} <= outputs() | AZDS_OWN | set(OF_HOOKS) | set(MADE)
    for param, match in given.items():
        default = params[param].value
        assert match["default"] == (None if isinstance(default, Expression) else default), param


@pytest.mark.parametrize("kind", ["sh", "ps1"])
@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_deploys_its_template(name: str, kind: str) -> None:
    """Both scripts hand over the parameters file, not a line of parameters that grows with the resources."""
    script = (INFRA / "hooks" / f"{name}.{kind}").read_text("utf-8")
    assert re.search(rf"--parameters .*/\.\./{HOOKS[name]}param\" --output none$", script, re.MULTILINE)
    used = set(re.findall(r"\$(?:env:|\{)?([A-Z]+_[A-Z0-9_]+)", script))
    assert used <= outputs() | AZDS_OWN | {"EVENTS_WAIT_SECONDS"} | set(MADE)


def test_the_hooks_read_all_that_is_told_for_them() -> None:
    """Each output of main.bicep is of use to a hook, to azd, or to a person who looks for the app and its vault."""
    scripts = "".join((INFRA / "hooks" / f"{name}.sh").read_text("utf-8") for name in HOOKS)
    read = {match["name"] for name in HOOKS for match in hook_parameters(name).values()}
    unread = {name for name in outputs() - read if f"${name}" not in scripts and f"${{{name}:" not in scripts}
    assert unread <= AZDS_OWN | {"FUNCTION_APP_URL", "VAULT_URL"}


def test_what_one_hook_leaves_the_other_finds() -> None:
    """The second one asks for the outputs of the first one's template, by its deployment's name."""
    assert set(MADE.values()) == set(template("access.bicep").of("output"))
    for kind in ("sh", "ps1"):
        first, second = ((INFRA / "hooks" / f"{name}.{kind}").read_text("utf-8") for name in HOOKS)
        made = re.findall(r"^(?:\$env:)?([A-Z_]+) ?= ?(?:\$\(made|Get-Made) (\w+)\)?$", second, re.MULTILINE)
        assert dict(made) == MADE
        deployment = re.findall(r'--name "(access-[^"]+)"', first)
        assert deployment == re.findall(r'--name "(access-[^"]+)"', second)
        assert len(deployment) == 1


def run_hook(
    directory: Path, name: str, az: str, **environment: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the shell's hook with that script for `az`, and return what came of it and the calls to `az`."""
    log = directory / "calls"
    log.write_text("")
    tool = directory / "az"
    tool.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> "{log}"\n{az}\n')
    tool.chmod(0o755)
    known = dict.fromkeys(outputs() | AZDS_OWN, "x")
    known |= {"EVENTS_WAIT_SECONDS": "0", "PATH": f"{directory}:/usr/bin:/bin"}
    done = subprocess.run(  # noqa: S603 -- this repository's script
        [INFRA / "hooks" / f"{name}.sh"], env=known | environment, capture_output=True, text=True, check=False
    )
    return done, log.read_text().splitlines()


def test_the_hook_of_provisioning_gives_the_rights(tmp_path: Path) -> None:
    """It deploys access.bicep with the parameters file that reads the environment, in one call."""
    done, calls = run_hook(tmp_path, "postprovision", "exit 0")
    assert done.returncode == 0, done.stderr
    (call,) = calls
    assert call.startswith("deployment sub create ")
    assert "--name access-x " in call
    assert "/hooks/../access.bicepparam " in call


def test_a_call_does_not_grow_with_the_resources(tmp_path: Path) -> None:
    """Five hundred ids are handed over, although cmd.exe, through which az runs on Windows, takes 8,191 characters."""
    ids = ",".join(f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Communication/{i}" for i in range(500))
    done, calls = run_hook(tmp_path, "postprovision", 'echo "$ROTATED_RESOURCE_IDS"', ROTATED_RESOURCE_IDS=ids)
    assert ids in done.stdout
    assert max(map(len, calls)) < 1000


def test_the_hook_of_deployment_waits_until_the_function_is_there(tmp_path: Path) -> None:
    """It asks until the function is listed, and for the list to be made anew, whatever comes of that; then it deploys
    events.bicep with the topics that the first hook has made."""
    seen = tmp_path / "seen"
    done, calls = run_hook(
        tmp_path,
        "postdeploy",
        f'case "$1 $3" in functionapp*) [ -e "{seen}" ] || {{ touch "{seen}"; exit 3; }};; '
        f'rest*) exit 1;; *show) echo "made ${{9}}";; *create) env > "{seen}";; esac',
    )
    assert done.returncode == 0, done.stderr
    assert [" ".join(call.split()[:3]) for call in calls[3:]] == [
        "functionapp function show",
        "rest --method post",
        "functionapp function show",
        "deployment sub create",
    ]
    assert "/hooks/../events.bicepparam " in calls[-1]
    told = {name: value for name, _, value in (line.partition("=") for line in seen.read_text().splitlines())}
    assert {name: told[name] for name in MADE} == {
        name: f"made properties.outputs.{output}.value" for name, output in MADE.items()
    }


def test_the_hook_of_deployment_says_that_the_first_one_has_not_run(tmp_path: Path) -> None:
    """Without the rights and topics it says what to run first, and waits for nothing."""
    done, calls = run_hook(tmp_path, "postdeploy", "exit 3")
    assert done.returncode == 1
    assert "azd hooks run postprovision" in done.stderr
    assert len(calls) == 1


def test_the_hook_gives_up_on_a_function_that_does_not_come(tmp_path: Path) -> None:
    """After twenty looks it says where to look, and deploys nothing."""
    done, calls = run_hook(tmp_path, "postdeploy", 'case "$1" in functionapp) exit 3;; esac')
    assert done.returncode == 1
    assert "on_event" in done.stderr
    assert len([call for call in calls if call.startswith("functionapp")]) == 20
    assert not [call for call in calls if call.startswith("deployment sub create")]


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_fails_with_its_deployment(tmp_path: Path, name: str) -> None:
    """What Azure refuses, azd gets to see."""
    done, _ = run_hook(tmp_path, name, 'case "$3" in create) exit 7;; esac')
    assert done.returncode == 7
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("name", "variable"), [("postprovision", "IDENTITY_PRINCIPAL_ID"), ("postdeploy", "FUNCTION_APP_ID")]
)
def test_a_hook_says_that_nothing_is_provisioned(tmp_path: Path, name: str, variable: str) -> None:
    """Without the outputs it says what to run first, and asks Azure nothing."""
    done, calls = run_hook(tmp_path, name, "exit 0", **{variable: ""})
    assert done.returncode != 0
    assert "azd provision" in done.stderr
    assert calls == []
