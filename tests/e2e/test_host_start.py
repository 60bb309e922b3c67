"""What keeps the host from starting: one clear line, a non-zero exit, nothing left behind."""

import socket
from pathlib import Path

import pytest

from tests.support.emulator import APPS, Emulator

pytestmark = pytest.mark.own_host

HEAD = """
import azure.functions as func
app = func.FunctionApp()
"""
ROUTED = """
@app.route(route="x")
async def x(req: func.HttpRequest) -> str: return "x"
"""
TIMED = """
@app.timer_trigger(arg_name="timer", schedule="* * *")
async def x(timer: func.TimerRequest) -> None: pass
"""
HOST_JSON = '{"version": "2.0"}'


def write_app(directory: Path, **files: str) -> Path:
    """Write an app that works but for these files, by module or `host` and `local` (settings); empty: no such file."""
    contents = {"host": HOST_JSON, "function_app": HEAD + ROUTED, **files}
    names = {"host": "host.json", "function_app": "function_app.py", "local": "local.settings.json"}
    for name, content in contents.items():
        if content:
            (directory / names.get(name, f"{name}.py")).write_text(content)
    return directory


def failure(*flags: str, app: Path, module: str = "emulator", settings: dict[str, str] | None = None) -> str:
    """Start it, expect that it fails to, and return the line that it prints."""
    emulator = Emulator(*flags, app=app, module=module, settings=settings)
    emulator.start()
    code = emulator.wait_for_end()
    assert code == (1 if module == "emulator" else 3), emulator.output
    assert emulator.stdout == ""
    # The SDK itself warns of an app without HTTP functions; nothing else comes before the line.
    (line,) = [each for each in emulator.stderr.splitlines() if "WARNING root: Auth level" not in each]
    assert line.startswith("error: ")
    return line


# name of the case -> the files of the app, and parts of the line that is expected
FAILURES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "no host.json": ({"host": ""}, ("There is no host.json in ",)),
    "host.json is no JSON": ({"host": "{\n  nonsense"}, ("host.json is not valid JSON", "line 2")),
    "host.json is no object": ({"host": "[]"}, ("host.json must hold a JSON object",)),
    "old host.json": ({"host": '{"version": "1.0"}'}, ('"version" must be "2.0"',)),
    "prefix": (
        {"host": '{"version": "2.0", "extensions": {"http": {"routePrefix": 5}}}'},
        ('"extensions.http.routePrefix"',),
    ),
    "log level": ({"host": '{"version": "2.0", "logging": {"logLevel": {"default": "Loud"}}}'}, ("logLevel.default",)),
    "timeout": ({"host": '{"version": "2.0", "functionTimeout": "soon"}'}, ('"functionTimeout"',)),
    "no function_app.py": ({"function_app": ""}, ("There is no function_app.py in ",)),
    "missing module": (
        {"function_app": "import nowhere_to_be_found\n"},
        ("function_app.py:1: ModuleNotFoundError: No module named 'nowhere_to_be_found'",),
    ),
    "error in a module of the app": (
        {"function_app": "import inner\n", "inner": "\n\nraise ValueError('bad\\nnews')\n"},
        ("inner.py:3: ValueError: bad news",),
    ),
    "syntax error": ({"function_app": "def broken(:\n"}, ("function_app.py:1: SyntaxError",)),
    "exit": (
        {"function_app": "raise SystemExit(4)\n"},
        ("function_app.py ended the process when it was imported (exit code 4)",),
    ),
    "no app": ({"function_app": "x = 1\n"}, ("Could not find top level function app instances in function_app.py",)),
    "no functions": ({"function_app": HEAD}, ("function_app.py defines no functions",)),
    "same name": ({"function_app": HEAD + ROUTED + ROUTED}, ("does not have a unique function name",)),
    "same name in another case": (
        {"function_app": HEAD + ROUTED + ROUTED.replace("def x", "def X").replace('"x"', '"y"')},
        ("Two functions are called X",),
    ),
    "same route": (
        {"function_app": HEAD + ROUTED + ROUTED.replace("def x", "def y").replace('"x"', '"X"')},
        ("The route 'api/X' of the function y conflicts with the route defined by function x",),
    ),
    "malformed route": (
        {"function_app": HEAD + ROUTED.replace('"x"', '"a/{b:nonsense}"')},
        ("The route 'a/{b:nonsense}' of the function x is malformed",),
    ),
    "reserved route": (
        {
            "host": '{"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}',
            "function_app": HEAD + ROUTED.replace('"x"', '"admin/x"'),
        },
        ("conflicts with one or more built in routes",),
    ),
    "missing setting": (
        {"function_app": HEAD + ROUTED.replace('"x"', '"%WHERE%"')},
        ("The function x needs the setting WHERE",),
    ),
    "malformed schedule": ({"function_app": HEAD + TIMED}, ("The schedule of the timer function x is malformed",)),
}


@pytest.mark.parametrize("case", FAILURES)
def test_an_app_that_cannot_be_run_is_told_in_one_line(tmp_path: Path, case: str) -> None:
    """The line names the file, the line in it and the problem; the process ends with 1."""
    files, expected = FAILURES[case]
    line = failure(app=write_app(tmp_path, **files))
    for part in expected:
        assert part in line


def test_a_directory_that_does_not_exist_is_told(tmp_path: Path) -> None:
    """--app with a typing error."""
    assert f"There is no directory {tmp_path / 'none'}." in failure(app=tmp_path / "none")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "is not valid JSON"),
        ('{"Values": 5}', '"Values" must be an object'),
        ('{"IsEncrypted": true}', "is encrypted"),
        ('{"Values": {"A": {}}}', 'the value of "A" must be a string'),
    ],
)
def test_malformed_local_settings_are_told(tmp_path: Path, content: str, expected: str) -> None:
    """The line names local.settings.json."""
    line = failure(app=write_app(tmp_path, local=content))
    assert "local.settings.json" in line
    assert expected in line


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    """The app's port and the control port each have a line that names the port and the flag."""
    app = write_app(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert failure("--port", port, app=app) == (
            f"error: port {port} on 127.0.0.1 is in use by another process; choose another with --port (0: a free one)"
        )
        assert failure("--control-port", port, app=app) == (
            f"error: port {port} on 127.0.0.1 is in use by another process; "
            "choose another with --control-port (0: a free one)"
        )
        assert "is in use by another process" in failure("--port", port, app=app, module="emulator.host")


def test_a_malformed_setting_of_the_host_is_told(tmp_path: Path) -> None:
    """Settings that the host itself reads."""
    app = write_app(tmp_path)
    line = failure(app=app, settings={"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "much"})
    assert "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT" in line


def test_the_traceback_of_an_import_error_is_shown_at_debug_only(tmp_path: Path) -> None:
    """Who asks for details gets them."""
    emulator = Emulator("--log-level", "debug", app=write_app(tmp_path, function_app="import nowhere_to_be_found\n"))
    emulator.start()
    assert emulator.wait_for_end() == 1
    assert "Traceback (most recent call last)" in emulator.stderr


def test_an_app_that_ends_its_process_is_told(tmp_path: Path) -> None:
    """Where the child could not say anything, the parent does."""
    line = failure(app=write_app(tmp_path, function_app="import os\nos._exit(9)\n"))
    assert line == "error: the process of the app ended with exit code 9"


def test_an_app_elsewhere_cannot_import_from_this_project(tmp_path: Path) -> None:
    """Only its own directory, not the one that the emulator was started in, is on its path."""
    line = failure(app=write_app(tmp_path, function_app="import tests.support.emulator\n"))
    assert "No module named 'tests'" in line


def test_the_host_alone_serves_an_app(tmp_path: Path) -> None:
    """`python -m emulator.host` needs no supervisor and no cloud; SIGTERM ends it with 0."""
    host = Emulator(app=APPS / "web", module="emulator.host")
    host.start()
    host.wait_for("Serving")
    assert host.stop() == 0
