"""What azd reads: azure.yaml, the parameters file, and what is left out of the package."""

import re

from tests.support.azd import AZDS_OWN, HOOKS, azure_yaml, outputs, parameters
from tests.support.bicep import INFRA, Expression, template

ROOT = INFRA.parent


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
    assert set(content["hooks"]) == set(HOOKS)
    for systems in content["hooks"].values():
        assert {system: hook["shell"] for system, hook in systems.items()} == {"posix": "sh", "windows": "pwsh"}


def test_azd_finds_the_function_app() -> None:
    """The app has the tag with the name of the service, and its group the tag of the environment."""
    modules = template("main.bicep").of("module")
    assert modules["functionApp"].value["params"]["tags"] == "union(tags, { 'azd-service-name': 'app' })"
    assert template("main.bicep").of("var")["tags"].value == {"azd-env-name": "environmentName"}


def test_what_azd_needs_is_not_deployed() -> None:
    """The package holds neither the templates nor azd's environments, and what the app needs is not ignored."""
    ignored = set((ROOT / ".funcignore").read_text("utf-8").split())
    assert {"infra", "azure.yaml", ".azure", "tests", "emulator", ".venv"} <= ignored
    assert not {"host.json", "requirements.txt", "function_app.py", "shared"} & ignored
    untracked = {line.rstrip("/") for line in (ROOT / ".gitignore").read_text("utf-8").split()}
    assert ".azure" in untracked
    # azd's own list of what to leave out counts only where there is no .funcignore
    assert untracked - ignored == set()
