"""What azd puts into a deployment and takes out of it, from the files that it reads."""

import json
import re

from tests.support.bicep import INFRA, template

# each hook, and the template that it deploys
HOOKS = {"postprovision": "access.bicep", "postdeploy": "events.bicep"}
# what people set for a hook, and no template of azd reads: name -> default
OF_HOOKS = {"KEY_VAULT_SYSTEM_TOPIC_ID": "", "WATCH_SUBSCRIPTIONS": "true", "SUBSCRIPTION_SYSTEM_TOPIC_IDS": ""}
# azd sets these itself; an output of the same name as a parameter's variable would be that parameter's value next time
AZDS_OWN = {"AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID", "AZURE_RESOURCE_GROUP"}
_VALUE = re.compile(r"\$\{(?P<name>[A-Z][A-Z0-9_]*)(?:=(?P<default>[^}]+))?\}")


def parameters() -> dict[str, re.Match[str]]:
    """Return the parameters file: parameter -> `name`, the variable, and `default`, that azd puts in."""
    content = json.loads((INFRA / "main.parameters.json").read_text("utf-8"))["parameters"]
    found = {name: _VALUE.fullmatch(entry["value"]) for name, entry in content.items()}
    assert all(found.values()), "a value is not one variable"
    return {name: match for name, match in found.items() if match is not None}


def outputs() -> set[str]:
    """Return the names of what main.bicep tells azd, which become variables of the environment."""
    return set(template("main.bicep").of("output"))
