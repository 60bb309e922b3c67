"""What `python -m emulator` says on stdout."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from emulator.supervisor_options import PROJECT_ROOT
from emulator.terminal import Style, stdout_style, style_of

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
    print(f"{style_of(sys.stderr).bad('error:')} {message}", file=sys.stderr, flush=True)  # noqa: T201 - as above


def greeting(app: Path, facts: Mapping[str, Any], control_url: str) -> list[str]:
    """Return the lines that say what runs where; `facts` are those that the host reports."""
    style = stdout_style()
    lines = ["", f"{style.heading('Functions app')}    {facts['url']}  {style.aside(f'({app})')}"]
    for function in facts["functions"]:
        methods = ",".join(function["methods"]) or "any method"
        lines.append(f"  {function['name']}: [{methods}] {function['url']}")
    return [*lines, "", *_cloud(control_url, style), ""]


def cloud_greeting(control_url: str, app_url: str | None) -> list[str]:
    """Return the lines that say where the cloud is, and where it looks for the app, if it looks for one."""
    style = stdout_style()
    expected = [f"  It delivers events to the app at {app_url}, once it is there."] if app_url else []
    return [*_cloud(control_url, style), *expected, "", style.aside("Ctrl-C stops it."), ""]


def ready() -> str:
    """Return the line that says that all of it serves."""
    return stdout_style().good("ready")


def suggestions(facts: Mapping[str, Any], control_url: str, *, key: str | None, ca_file: Path | None) -> list[str]:
    """Return curl lines to try, with the function `key` and the `ca_file` where they are needed."""
    style = stdout_style()
    options = f" --cacert {_shown(ca_file)}" if ca_file else ""
    options += f" -H 'x-functions-key: {key}'" if key else ""
    look = ("What the emulated Azure holds, keys and all", f"curl {control_url}/_control/resources")
    lines = ["", style.heading("Try, in another terminal:")]
    for what, command in [*_calls(facts["functions"], options), look]:
        lines += [f"  {style.aside(f'# {what}')}", f"  {command}"]
    return [*lines, "", style.aside("Ctrl-C stops it. All flags: make start ARGS=--help"), ""]


def _calls(functions: list[dict[str, Any]], options: str) -> list[tuple[str, str]]:
    """What to call of this app: what it does, and the command."""
    regenerate, rotate = _url_of(functions, _REGENERATE), _url_of(functions, _ROTATE)
    if regenerate is None:
        plain = [f for f in functions if "{" not in f["url"] and "GET" in (f["methods"] or ["GET"])]
        return [(f["name"], f"curl{options} {f['url']}") for f in plain[:2]]
    one = f"""curl{options} --json '{{"keyType": "Secondary"}}' {regenerate}"""
    both = f"""curl{options} --json '{{"gracePeriod": "PT5S"}}' {rotate}"""
    rotation = [("Rotate: publish the other key, and end the old one five seconds later", both)] if rotate else []
    return [("Regenerate the key that nobody uses", one), *rotation]


def _cloud(control_url: str, style: Style) -> list[str]:
    return [f"{style.heading('Emulated Azure')}   {control_url}/_control/endpoints"]


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
