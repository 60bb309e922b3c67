"""What `python -m emulator` prints and passes on."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.supervisor_options import parse_options
from tests.support.emulator import APPS, PROJECT_ROOT, Emulator

pytestmark = pytest.mark.own_host

SHOW_ENVIRONMENT = """
import json, os
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
@app.route(route="environment")
async def environment(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps({**os.environ, "cwd": os.getcwd()}))
"""


def test_ready_stands_on_a_line_of_its_own_between_greeting_and_suggestions(web: Emulator) -> None:
    """Before it what runs where, after it what to try; both addresses answer."""
    web.wait_for(f"curl {web.control}/_control/resources\n")
    greeting, _, suggestions = web.stdout.partition("\nready\n")
    assert f"Functions app    {web.app}  ({APPS / 'web'})" in greeting
    assert f"  item_by_name: [GET,PUT] {web.app}/api/items/{{name}}" in greeting
    assert f"Emulated Azure   {web.control}/_control/endpoints" in greeting
    assert f"curl {web.control}/_control/resources" in suggestions
    assert web.get("/api/unrouted").status == 200


def test_the_suggestions_for_this_project_work_as_they_stand(emulator: Emulator) -> None:
    """The first regenerates a key, the second rotates, the third shows the resources."""
    emulator.wait_for("Ctrl-C")
    lines = re.findall(r"^  (curl .*)$", emulator.stdout, re.MULTILINE)
    assert lines == [
        f"""curl --json '{{"keyType": "Secondary"}}' {emulator.app}/api/regenerateKey""",
        f"""curl --json '{{"gracePeriod": "PT5S"}}' {emulator.app}/api/rotations""",
        f"curl {emulator.control}/_control/resources",
    ]
    before = emulator.call_control("GET", "resources")[0]["keys"]
    assert emulator.post("/api/regenerateKey", {"keyType": "Secondary"}).status == 200
    after = emulator.call_control("GET", "resources")[0]["keys"]
    assert (before["primary"], before["secondary"] != after["secondary"]) == (after["primary"], True)
    assert emulator.post("/api/rotations", {"gracePeriod": "PT5S"}).status == 202


def test_the_control_api_shows_where_the_app_is_and_its_keys(web: Emulator) -> None:
    """There is no webhook as long as there is no Event Grid."""
    endpoints = web.call_control("GET", "endpoints")
    assert endpoints["app"] == web.app
    assert endpoints["webhook"] is None
    assert all(endpoints[name] for name in ("functionKey", "systemKey", "masterKey", "arm", "token"))


def test_settings_come_in_layers_and_the_app_in_its_own_directory(tmp_path: Path) -> None:
    """Environment over local.settings.json over defaults; the identity and the certificates are the emulator's."""
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    (tmp_path / "function_app.py").write_text(SHOW_ENVIRONMENT)
    values = {
        "FROM_FILE": "file",
        "BOTH": "file",
        "ARM_ENDPOINT": "https://file",
        "EMPTY": "",
        "IDENTITY_HEADER": "file",
    }
    (tmp_path / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": values}))
    settings = {
        "BOTH": "environment",
        "COMMUNICATION_SERVICE_ID": "",
        "SSL_CERT_FILE": "/company.pem",
        "REQUESTS_CA_BUNDLE": "/company.pem",
        "NO_PROXY": "company",
        "IDENTITY_ENDPOINT": "http://company",
        "IDENTITY_SERVER_THUMBPRINT": "company",
    }
    with Emulator(app=tmp_path, settings=settings) as emulator:
        seen = emulator.get("/api/environment").json
        endpoints = emulator.call_control("GET", "endpoints")
    assert (seen["FROM_FILE"], seen["BOTH"], seen["ARM_ENDPOINT"]) == ("file", "environment", "https://file")
    assert seen["COMMUNICATION_SERVICE_ID"] == ""
    assert "EMPTY" not in seen
    assert seen["SSL_CERT_FILE"] == seen["REQUESTS_CA_BUNDLE"] == endpoints["caFile"]
    assert seen["IDENTITY_ENDPOINT"] == endpoints["identity"]
    assert seen["IDENTITY_HEADER"] != "file"
    assert "localhost" in seen["NO_PROXY"]
    assert "IDENTITY_SERVER_THUMBPRINT" not in seen
    assert seen["cwd"] == str(tmp_path)
    assert seen["AzureWebJobsScriptRoot"] == str(tmp_path)


def test_debug_lines_come_with_the_workers_own_setting() -> None:
    """PYTHON_ENABLE_DEBUG_LOGGING=1 works as in Azure."""
    with Emulator(app=APPS / "web", settings={"PYTHON_ENABLE_DEBUG_LOGGING": "1"}) as emulator:
        emulator.get("/api/log")
    assert "DEBUG app: a debug line for GET" in emulator.stderr
    assert "Executing 'Functions.log'" in emulator.stderr


def test_log_level_of_the_command_line_overrides_host_json() -> None:
    """At `error` a quiet app leaves stderr empty, but for what it prints itself."""
    with Emulator("--log-level", "error", app=APPS / "web") as emulator:
        emulator.get("/api/log")
    assert emulator.stderr == "a printed line\n"


def test_cloud_only_prints_settings_that_work_and_waits() -> None:
    """Both forms say the same: a local.settings.json to paste, and export lines for a shell."""
    with Emulator("--cloud-only") as cloud:
        text = cloud.stdout
        assert cloud.processes() == []
        endpoints = cloud.call_control("GET", "endpoints")
        document = json.loads(text[text.index("{") : text.rindex("}") + 1])
        exported = dict(re.findall(r"^export (\w+)='(.*)'$", text, re.MULTILINE))
        assert cloud.stop() == 0
    assert document["IsEncrypted"] is False
    assert document["Values"] == {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        **exported,
    }
    assert exported["ARM_ENDPOINT"] == endpoints["arm"]
    assert exported["IDENTITY_ENDPOINT"] == endpoints["identity"]
    # on port 0 it is nowhere
    assert endpoints["app"] is endpoints["webhook"] is endpoints["functionKey"] is None
    assert text.endswith("\nready\n")


def test_cloud_only_delivers_events_to_the_app_at_port() -> None:
    """Events go out to where `func start` serves, again and again until somebody is there."""
    with socket.create_server(("127.0.0.1", 0)) as app:
        url = f"http://127.0.0.1:{app.getsockname()[1]}"
        with Emulator("--cloud-only", "--port", url.rpartition(":")[2]) as cloud:
            endpoints = cloud.call_control("GET", "endpoints")
            assert endpoints["app"] == url
            assert endpoints["webhook"] == f"{url}/runtime/webhooks/eventgrid?functionName=on_event"
            assert f"It delivers events to the app at {url}" in cloud.stdout
            event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
            cloud.call_control("POST", "events", event)
            app.settimeout(30)
            for _ in range(2):
                connection, _address = app.accept()
                with connection:
                    line = connection.recv(65536).partition(b"\r\n")[0].decode()
                assert line.startswith("POST /runtime/webhooks/eventgrid?functionName=on_event&code=")
            (record,) = cloud.call_control("GET", "events")
    assert (record["status"], record["attempts"] >= 2) == ("Pending", True)


def test_colours_come_on_a_terminal_alone() -> None:
    """`ready` is green on a terminal; with NO_COLOR, and in a pipe, it is the plain line that programs wait for."""
    for settings, line in (
        ({"NO_COLOR": None, "TERM": "xterm"}, "\x1b[32mready\x1b[0m\r\n"),
        ({"NO_COLOR": "1"}, "ready\r\n"),
    ):
        shown, end = os.openpty()
        emulator = Emulator("--cloud-only", settings=settings)
        emulator.start(stdout=end)
        os.close(end)
        text = ""
        try:
            while "ready" not in text or not text.endswith("\n"):
                text += os.read(shown, 65536).decode()
        finally:
            emulator.stop()
            os.close(shown)
        assert text.endswith(line)
        assert ("\x1b" in text) is ("\x1b" in line)


def test_a_contradiction_on_the_command_line_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    """--cloud-only has no host that could serve TLS or ask for keys, and a port is a port: exit code 2 says so."""
    for flags in (["--cloud-only", "--https"], ["--cloud-only", "--auth"], ["--port", "65536"], ["--port", "x"]):
        with pytest.raises(SystemExit) as ended:
            parse_options(flags)
        assert ended.value.code == 2
        assert "--cloud-only runs none" in (told := capfd.readouterr().err) or "is not a TCP port" in told


def test_it_needs_no_certificates_in_its_own_environment() -> None:
    """On a user's machine none of these variables is set; the app trusts the emulator all the same."""
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NO_PROXY", "no_proxy", "NODE_EXTRA_CA_CERTS")
    unset: dict[str, str | None] = dict.fromkeys(names)
    with Emulator("--no-key-vault", settings=unset) as emulator:
        assert emulator.post("/api/regenerateKey", {"keyType": "Primary"}).status == 200


def test_help_explains_itself() -> None:
    """Every flag has a line, the ports and the layers of settings are told."""
    command = [sys.executable, "-m", "emulator", "--help"]
    shown = subprocess.run(command, cwd=PROJECT_ROOT, env=os.environ, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own module
    flags = ["--app", "--port", "--https", "--auth", "--control-port", "--no-key-vault", "--cloud-only", "--log-level"]
    assert all(flag in shown for flag in flags)
    assert all(f"(default: {port}" in " ".join(shown.split()) for port in (7071, 7072))
    assert all(word in shown for word in ("local.settings.json", "NO_COLOR", "make start", "Exit code"))
