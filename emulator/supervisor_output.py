"""What `python -m emulator` says on stdout."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from emulator.supervisor_options import PROJECT_ROOT

_REGENERATE = "regenerateKey"
_ROTATE = "rotations"


def say(lines: Iterable[str]) -> None:
    """Print lines and flush. Whoever reads them may have gone (`| head`): then nothing is printed any more."""
    try:
        for line in lines:
            print(line)  # noqa: T201 - this is the program's output
        sys.stdout.flush()
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def complain(message: str) -> None:
    """Print the one line that says why it does not run."""
    print(f"error: {message}", file=sys.stderr, flush=True)  # noqa: T201 - this is the program's output


def greeting(app: Path, facts: Mapping[str, Any], control_url: str) -> list[str]:
    """Return the lines that say what runs where; `facts` are those that the host reports."""
    lines = [f"Functions app    {facts['url']}  ({app})"]
    for function in facts["functions"]:
        methods = ",".join(function["methods"]) or "any method"
        lines.append(f"  {function['name']}: [{methods}] {function['url']}")
    return [*lines, f"Emulated Azure   {control_url}/_control/endpoints"]


def suggestions(facts: Mapping[str, Any], control_url: str, *, key: str | None, ca_file: Path | None) -> list[str]:
    """Return curl lines to try, with the function `key` and the `ca_file` where they are needed."""
    options = f" --cacert {_shown(ca_file)}" if ca_file else ""
    options += f" -H 'x-functions-key: {key}'" if key else ""
    functions: list[dict[str, Any]] = facts["functions"]
    regenerate = _url_of(functions, _REGENERATE)
    rotate = _url_of(functions, _ROTATE)
    if regenerate:
        rotation = [f"""  curl{options} --json '{{"gracePeriod": "PT5S"}}' {rotate}"""] if rotate else []
        return [
            "Try:",
            f"""  curl{options} --json '{{"keyType": "Secondary"}}' {regenerate}""",
            *rotation,
            f"  curl {control_url}/_control/resources",
            f"""  curl{options} --json '{{"keyType": "Both"}}' {regenerate}""",
        ]
    plain = [f["url"] for f in functions if "{" not in f["url"] and "GET" in (f["methods"] or ["GET"])]
    return ["Try:", *(f"  curl{options} {url}" for url in plain[:2]), f"  curl {control_url}/_control/resources"]


def _url_of(functions: list[dict[str, Any]], name: str) -> str | None:
    return next((f["url"] for f in functions if f["url"].endswith(f"/{name}") and "{" not in f["url"]), None)


def settings_to_paste(settings: Mapping[str, str]) -> list[str]:
    """Return the settings twice: as local.settings.json for `func start`, and as export lines for a shell."""
    values = {"FUNCTIONS_WORKER_RUNTIME": "python", "AzureWebJobsStorage": "UseDevelopmentStorage=true", **settings}
    document = json.dumps({"IsEncrypted": False, "Values": values}, indent=2)
    exports = [f"export {name}='{value}'" for name, value in settings.items()]
    return ["local.settings.json for `func start`:", "", document, "", "The same for a shell:", "", *exports, ""]


def _shown(file: Path) -> str:
    """The path as one types it in the project's directory."""
    return str(file.relative_to(PROJECT_ROOT)) if file.is_relative_to(PROJECT_ROOT) else str(file)
