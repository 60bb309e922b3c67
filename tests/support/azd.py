"""What azd puts into a deployment and takes out of it, from the files that it reads."""

import json
import re
from typing import Any

import yaml

from tests.support.bicep import INFRA, parse, template

# each hook, and the template that it deploys with the parameters file beside it
HOOKS = {"postprovision": "access.bicep", "postdeploy": "events.bicep"}
# what the second hook asks of the first one's deployment: variable -> output of access.bicep
MADE = {
    "KEY_VAULT_TOPIC_ID": "keyVaultTopicId",
    "SUBSCRIPTION_TOPIC_IDS": "subscriptionTopicIds",
    "DEAD_LETTER_TOPIC_ID": "deadLetterTopicId",
}
# what people set for a hook, and no template of azd reads: name -> default
OF_HOOKS = {"KEY_VAULT_SYSTEM_TOPIC_ID": "", "WATCH_SUBSCRIPTIONS": "true", "SUBSCRIPTION_SYSTEM_TOPIC_IDS": ""}
# azd sets these itself; an output of the same name as a parameter's variable would be that parameter's value next time
AZDS_OWN = {"AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID", "AZURE_RESOURCE_GROUP"}
_READ = re.compile(r"readEnvironmentVariable\('(?P<name>[A-Z][A-Z0-9_]*)'(?:, '(?P<default>[^']*)')?\)")
_VALUE = re.compile(r"\$\{(?P<name>[A-Z][A-Z0-9_]*)(?:=(?P<default>[^}]+))?\}")


def azure_yaml() -> dict[str, Any]:
    """Return azure.yaml."""
    return yaml.safe_load((INFRA.parent / "azure.yaml").read_text("utf-8"))


def parameters() -> dict[str, re.Match[str]]:
    """Return the parameters file: parameter -> `name`, the variable, and `default`, that azd puts in."""
    content = json.loads((INFRA / "main.parameters.json").read_text("utf-8"))["parameters"]
    found = {name: _VALUE.fullmatch(entry["value"]) for name, entry in content.items()}
    assert all(found.values()), "a value is not one variable"
    return {name: match for name, match in found.items() if match is not None}


def hook_parameters(name: str) -> dict[str, re.Match[str]]:
    """Return the parameters file of a hook's template: parameter -> `name`, the variable, and `default`, if any."""
    path = INFRA / f"{HOOKS[name]}param"
    file = parse(path.read_text("utf-8"), path)
    found = {each.name: _READ.fullmatch(str(each.value)) for each in file.declarations}
    assert all(found.values()), "a value is not one variable"
    return {param: match for param, match in found.items() if match is not None}


def outputs() -> set[str]:
    """Return the names of what main.bicep tells azd, which become variables of the environment."""
    return set(template("main.bicep").of("output"))
