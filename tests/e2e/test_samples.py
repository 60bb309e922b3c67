"""The samples, each run as its users run it: a process of its own, against the app over https with keys enforced."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.redaction import Secret
from tests.support.emulator import CA_FILE, PROJECT_ROOT, Emulator
from tests.support.error_table import SUBSCRIPTION
from tests.support.interop import require_javascript, require_tool
from tests.support.leaks import find_leaks
from tests.support.outside import HASTY
from tests.support.reactions import events, eventually, instances, published, settled
from tests.support.rotations import outlast_deadline, regenerations, resource

SAMPLES = PROJECT_ROOT / "samples"
FINGERPRINT = re.compile(r"sha256:[0-9a-f]{16}")


@pytest.fixture
def emulator(secured: Emulator) -> Emulator:
    """The app over https with keys enforced."""
    return secured


@pytest.fixture(scope="module")
def hasty() -> Iterator[Emulator]:
    """The same with a short deadline."""
    with Emulator("--https", "--auth", settings=HASTY.settings) as emulator:
        yield emulator


class Sample:
    """A sample as a command: `run` gives what it printed."""

    def __init__(self, command: list[str], environment: dict[str, str], keys: Callable[[], list[str]]) -> None:
        self._command = command
        self.environment = environment
        self._keys = keys

    def run(self, *arguments: str, code: int = 0, **environment: str) -> tuple[str, str]:
        """Run it with these arguments; it must end with this code, and show no key of whatever kind."""
        command = [*self._command, *arguments]
        run = subprocess.run(  # noqa: S603 - what the samples say, and our own interpreters
            command, env=self.environment | environment, capture_output=True, text=True, timeout=100, check=False
        )
        assert run.returncode == code, f"{run.stdout}\n{run.stderr}"
        shown = run.stdout + run.stderr
        assert find_leaks(shown, self._keys()) == []
        assert self.environment["KEY"] not in shown
        return run.stdout, run.stderr


Samples = Callable[[str], Sample]


@pytest.fixture
def samples(emulator: Emulator, tmp_path: Path) -> Samples:
    """The samples by their path below samples/; each with what it needs to run, or skipped."""
    environment = os.environ | {
        "APP": emulator.app,
        "KEY": emulator.call_control("GET", "endpoints")["functionKey"],
        "SUBSCRIPTION": SUBSCRIPTION,
        "GROUP": "MyResourceGroup",
        "NAME": "MyCommunicationResource",
        "TMPDIR": str(tmp_path),
        "CURL_CA_BUNDLE": str(CA_FILE),
        "REQUESTS_CA_BUNDLE": str(CA_FILE),
        "NODE_EXTRA_CA_CERTS": str(CA_FILE),
        # the Azure CLI tells nobody of this, and finds no login of the tester's
        "AZURE_CORE_COLLECT_TELEMETRY": "0",
        "AZURE_CONFIG_DIR": str(tmp_path / "azure"),
        "POLL_SECONDS": "1",
    }

    def command(path: str) -> list[str]:
        sample = SAMPLES / path
        match sample.suffix:
            case ".py":
                return [sys.executable, str(sample)]
            case ".mjs":
                node = require_javascript()
                copied = tmp_path / sample.name
                shutil.copy(sample, copied)
                (tmp_path / "node_modules").symlink_to(PROJECT_ROOT / "tests" / "interop" / "node_modules")
                return [node, "--preserve-symlinks", "--preserve-symlinks-main", str(copied)]
            case _:
                folder = Path(sys.executable).parent
                if sample.parent.name == "az-rest":
                    folder = require_tool("az").parent
                elif shutil.which("curl") is None:
                    pytest.skip("curl is not installed")
                environment["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
                return [str(sample)]

    return lambda path: Sample(command(path), environment, lambda: resource(emulator)["issuedKeys"])


REGENERATE = ["curl/regenerate.sh", "az-rest/regenerate.sh", "python/regenerate.py", "javascript/regenerate.mjs"]
WITH_FINGERPRINT = [path for path in REGENERATE if not path.startswith("az-rest")]
ROTATE = ["curl/rotate-and-wait.sh", "az-rest/rotate-and-wait.sh", "python/rotate_and_wait.py"]
GRACE = '{"gracePeriod": "PT1H"}'


def _fingerprint(emulator: Emulator) -> str:
    return Secret(resource(emulator)["keys"]["secondary"]).fingerprint


def test_every_sample_is_run() -> None:
    """The lists of this module hold every script in samples/."""
    found = {
        str(path.relative_to(SAMPLES))
        for suffix in ("sh", "py", "mjs")
        for path in SAMPLES.glob(f"*/*.{suffix}")
        if path.parent.name != "logic-apps"
    }
    assert found == {*REGENERATE, *ROTATE, "python/publish_event.py"}


@pytest.mark.parametrize("path", REGENERATE)
def test_a_sample_regenerates_a_key(emulator: Emulator, samples: Samples, path: str) -> None:
    """It prints the fingerprint of the new key, and the published one stays what it was."""
    before = resource(emulator)["keys"]
    printed, _ = samples(path).run("Secondary")
    after = resource(emulator)["keys"]
    assert FINGERPRINT.findall(printed) == [_fingerprint(emulator)]
    assert (after["primary"], after["secondary"] != before["secondary"]) == (before["primary"], True)


@pytest.mark.parametrize("path", REGENERATE)
def test_a_sample_tells_why_a_key_is_not_regenerated(emulator: Emulator, samples: Samples, path: str) -> None:
    """A published key is refused: exit code 1, the error's code is shown, and nothing has changed."""
    before = resource(emulator)["keys"]
    printed, told = samples(path).run("Primary", code=1)
    assert "KeyInUse" in printed + told
    assert resource(emulator)["keys"] == before


@pytest.mark.parametrize("path", REGENERATE)
def test_a_sample_tells_of_a_key_that_takes_longer(hasty: Emulator, samples: Samples, path: str) -> None:
    """Beyond the app's deadline it ends with 2 and the address to ask; the key is regenerated there."""
    settled(hasty)
    hasty.reset()
    outlast_deadline(hasty)
    key = hasty.call_control("GET", "endpoints")["functionKey"]
    printed, told = samples(path).run("Secondary", code=2, APP=hasty.app, KEY=key)
    found = re.search(r"/api/rotations/(\w+)/result", told)
    assert found is not None
    id_ = json.loads(printed)["id"] if found[1] == "ID" else found[1]
    settled(hasty)
    answer = hasty.get(f"/api/rotations/{id_}/result", {"x-functions-key": key})
    assert (answer.status, answer.json["fingerprint"]) == (200, _fingerprint(hasty))


@pytest.mark.parametrize("path", WITH_FINGERPRINT)
def test_a_sample_regenerates_only_the_key_that_is_meant(emulator: Emulator, samples: Samples, path: str) -> None:
    """With a fingerprint it works once; with the same one again nothing is changed."""
    before = _fingerprint(emulator)
    sample = samples(path)
    sample.run("Secondary", before)
    printed, told = sample.run("Secondary", before, code=1)
    assert "PreconditionFailed" in printed + told
    assert regenerations(emulator) == 1


@pytest.mark.parametrize("path", ROTATE)
def test_a_sample_rotates_and_waits(emulator: Emulator, samples: Samples, path: str) -> None:
    """It prints the status of a rotation that has succeeded, and the other key is published."""
    slow = {"service": "arm", "operation": "listKeys", "delaySeconds": 2, "times": 1}
    emulator.call_control("PUT", "faults", [slow])
    printed, _ = samples(path).run(GRACE)
    told: dict[str, Any] = json.loads(printed)
    assert (told["status"], told["fingerprints"]["new"]) == ("Succeeded", _fingerprint(emulator))
    assert published(emulator) == resource(emulator)["keys"]["secondary"]
    assert regenerations(emulator) == 1


@pytest.mark.parametrize("path", ROTATE)
def test_a_sample_tells_why_a_rotation_did_not_succeed(emulator: Emulator, samples: Samples, path: str) -> None:
    """A wrong body is refused at the start; ARM's refusal comes while it waits: exit code 1 and the code is shown."""
    sample = samples(path)
    assert "InvalidRequest" in "".join(sample.run('{"gracePeriod": "P1Y"}', code=1))
    denied = {"service": "arm", "operation": "regenerateKey", "status": 403, "code": "AuthorizationFailed"}
    emulator.call_control("PUT", "faults", [denied])
    assert "AuthorizationFailed" in "".join(sample.run(GRACE, code=1))
    assert regenerations(emulator) == 0


@pytest.mark.parametrize("path", ROTATE)
def test_a_sample_does_not_wait_for_ever(emulator: Emulator, samples: Samples, path: str) -> None:
    """After its time exit code 2 and the rotation's id, while the rotation goes on to its end."""
    slow = {"service": "arm", "operation": "listKeys", "delaySeconds": 6, "times": 1}
    emulator.call_control("PUT", "faults", [slow])
    known = {each["id"] for each in instances(emulator, "rotate_key")}
    _, told = samples(path).run(GRACE, code=2, TIMEOUT_SECONDS="1")
    (started,) = {each["id"] for each in instances(emulator, "rotate_key")} - known
    assert started in told
    settled(emulator)
    assert regenerations(emulator) == 1


@pytest.mark.parametrize("path", [*WITH_FINGERPRINT, "python/rotate_and_wait.py"])
def test_a_sample_that_gets_no_answer_says_what_may_have_happened(samples: Samples, path: str) -> None:
    """Nobody listens there: exit code 1 and a sentence about the request, in place of a traceback."""
    argument = GRACE if path in ROTATE else "Secondary"
    printed, told = samples(path).run(argument, code=1, APP="https://127.0.0.1:1")
    assert "No answer" in told
    assert "if the request was sent" in told.lower()
    assert "Traceback" not in printed + told


@pytest.mark.parametrize("path", [*WITH_FINGERPRINT, *ROTATE])
def test_a_sample_shows_the_whole_error(emulator: Emulator, samples: Samples, path: str) -> None:
    """What additionalInfo says, too: who publishes the key, how long a grace lasts, what has become of the key."""
    if path in ROTATE:
        sample = samples(path)
        sample.run(GRACE)
        printed, told = sample.run(GRACE, code=1)
        assert '"GracePeriod"' in printed + told
    else:
        printed, told = samples(path).run("Primary", code=1)
        assert '"PublishedBy"' in printed + told


@pytest.mark.parametrize("path", ["python/regenerate.py", "javascript/regenerate.mjs"])
def test_a_sample_without_its_variables_says_which_it_needs(samples: Samples, path: str) -> None:
    """Exit code 1 and what is to be set."""
    _, told = samples(path).run("Secondary", code=1, SUBSCRIPTION="")
    assert re.search("APP.*KEY.*SUBSCRIPTION.*GROUP.*NAME", told)


@pytest.mark.parametrize("path", [*REGENERATE, *ROTATE])
def test_a_sample_takes_an_address_with_a_slash_at_its_end(emulator: Emulator, samples: Samples, path: str) -> None:
    """As browsers show it: the host knows no address with two slashes."""
    samples(path).run(GRACE if path in ROTATE else "Secondary", APP=f"{emulator.app}/")


@pytest.mark.parametrize("path", [*REGENERATE, *ROTATE])
def test_a_sample_with_a_wrong_function_key_fails(emulator: Emulator, samples: Samples, path: str) -> None:
    """401 from the host, which has no body: exit code 1, and Azure is not asked."""
    argument = GRACE if path in ROTATE else "Secondary"
    printed, told = samples(path).run(argument, code=1, KEY="wrong")
    assert re.search("401|Unauthorized", printed + told)
    assert emulator.call_control("GET", "requests") == []


@pytest.mark.parametrize("path", [path for path in [*REGENERATE, *ROTATE] if path.endswith(".sh")])
def test_the_function_key_stands_on_no_command_line(
    emulator: Emulator, samples: Samples, tmp_path: Path, path: str
) -> None:
    """What curl and az are called with, and every other program of the script, does not hold the key."""
    sample = samples(path)
    shims, log = tmp_path / "shims", tmp_path / "log"
    shims.mkdir()
    for name in ("curl", "az", "python3", "mktemp", "grep", "cut", "cat", "sleep"):
        real = shutil.which(name, path=sample.environment["PATH"])
        if real is not None:
            shim = shims / name
            shim.write_text(f'#!/usr/bin/env bash\nprintf "%s\\n" {name} "$@" >>{log}\nexec {real} "$@"\n', "utf-8")
            shim.chmod(0o700)
    sample.run(GRACE if path in ROTATE else "Secondary", PATH=f"{shims}{os.pathsep}{sample.environment['PATH']}")
    called = log.read_text("utf-8")
    assert ("az\nrest\n" if path.startswith("az-rest") else "curl\n--silent\n") in called
    assert sample.environment["KEY"] not in called


def test_the_readme_of_the_samples_can_be_followed(emulator: Emulator, samples: Samples) -> None:
    """What it says to do beside a running app regenerates a key and rotates."""
    text = (SAMPLES / "README.md").read_text("utf-8")
    (block,) = [block for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) if "samples/curl" in block]
    block = block.replace("http://127.0.0.1:7072", emulator.control).replace("python3 ", f"{sys.executable} ")
    environment = samples(ROTATE[0]).environment
    plain = {name: value for name, value in environment.items() if name not in ("APP", "KEY", "CURL_CA_BUNDLE")}
    run = subprocess.run(  # noqa: S603 - what README says
        ["/usr/bin/env", "bash", "-ec", block],
        cwd=PROJECT_ROOT,
        env=plain,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.count('"status":"Succeeded"') == 1
    settled(emulator)
    assert regenerations(emulator) >= 2


def test_an_event_from_python_rotates(emulator: Emulator, samples: Samples) -> None:
    """azure-eventgrid publishes it with a managed identity to a topic; delivered to the app, it rotates."""
    with Emulator("--cloud-only") as cloud:
        told = dict(re.findall(r"^export (\w+)='(.*)'$", cloud.stdout, re.MULTILINE))
        settings = {"TOPIC": told["EVENT_GRID_TOPIC_ENDPOINT"], "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"}
        identity = {name: told[name] for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")}
        printed, _ = samples("python/publish_event.py").run(**settings, **identity)
        (came,) = events(cloud, "in")
    assert printed.strip() == came["id"]
    emulator.call_control("POST", "events", came["event"])
    eventually(lambda: events(emulator, "out", "CommunicationKey.Rotated"), "the rotation")
    assert published(emulator) == resource(emulator)["keys"]["secondary"]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*/*.sh")), ids=lambda path: str(path.relative_to(SAMPLES)))
def test_shellcheck_finds_nothing(path: Path) -> None:
    """Every script is executable, stops at the first failure, and has no fault that ShellCheck knows."""
    assert os.access(path, os.X_OK)
    assert "\nset -euo pipefail\n" in path.read_text("utf-8")
    found = subprocess.run(  # noqa: S603 - a tool of ours on our own files
        [require_tool("shellcheck"), path], capture_output=True, text=True, timeout=60, check=False
    )
    assert (found.returncode, found.stdout) == (0, "")
