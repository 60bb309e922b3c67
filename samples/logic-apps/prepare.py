"""Make one of the definitions ready for an import: prepare.py consumption|standard DEFINITION FOLDER.

`consumption` writes FOLDER/workflow.json, the definition with the values of its parameters, for
`az logic workflow create --definition`. `standard` writes FOLDER/<name>/workflow.json and FOLDER/parameters.json for a
project of Logic Apps Standard, which knows no secure types: there a secret is the name of an app setting.

Values come from the environment: APP_URL for appUrl, FUNCTION_KEY for functionKey, NOTIFICATION_URL, AUDIENCE,
RESOURCE_IDS (separated by blanks). What is written for Consumption holds the function key: only you can read the file,
and it should be deleted after the import. Needs Python 3.9 or newer, and nothing else.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def setting(parameter: str) -> str:
    """Return the name of the variable, or app setting, for a parameter: appUrl -> APP_URL."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", parameter).upper()


def is_secure(parameter: Json) -> bool:
    """Whether a parameter's type is one that Consumption hides."""
    return parameter["type"].startswith("Secure")


def value(name: str, parameter: Json) -> Any:
    """Return a parameter's value from the environment; SystemExit where it has none."""
    text = os.environ.get(setting(name), "")
    if not text:
        raise SystemExit(f"{setting(name)} is not set: {parameter['metadata']['description']}")
    return text.split() if parameter["type"] == "Array" else text


def write(path: Path, content: Json) -> None:
    """Write JSON that only the owner can read; SystemExit where something is there already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SystemExit(f"{path} is there already") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=2) + "\n")


def consumption(definition: Json, folder: Path) -> None:
    """Write what `az logic workflow create` takes."""
    values = {name: {"value": value(name, each)} for name, each in definition["parameters"].items()}
    write(folder / "workflow.json", {"definition": definition, "parameters": values})


def standard(definition: Json, folder: Path, name: str) -> None:
    """Write a workflow and the parameters of the project; a secret becomes a reference to an app setting."""
    parameters: Json = definition.pop("parameters")
    write(folder / name / "workflow.json", {"definition": definition, "kind": "Stateful"})
    values: Json = {}
    for each, parameter in parameters.items():
        secure = is_secure(parameter)
        kind = "String" if secure else parameter["type"]
        values[each] = {"type": kind, "value": f"@appsetting('{setting(each)}')" if secure else value(each, parameter)}
    write(folder / "parameters.json", values)


def main(plan: str, source: str, folder: str) -> None:
    """Write the files."""
    path = Path(source)
    definition: Json = json.loads(path.read_text("utf-8"))["definition"]
    # no match statement: macOS brings Python 3.9
    if plan == "consumption":
        consumption(definition, Path(folder))
    elif plan == "standard":
        standard(definition, Path(folder), path.stem)
    else:
        raise SystemExit("say consumption or standard")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
