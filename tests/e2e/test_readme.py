"""README's examples, run as they stand."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.emulator import CA_FILE, PROJECT_ROOT, Emulator
from tests.support.error_table import SUBSCRIPTION
from tests.support.interop import require_javascript
from tests.support.reactions import events, eventually, published, settled
from tests.support.rotations import resource

pytestmark = pytest.mark.own_host

README = (PROJECT_ROOT / "README.md").read_text("utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """The app over https with keys enforced, and the variables that the examples speak of."""
    with Emulator("--https", "--auth") as emulator:
        yield os.environ | {
            "APP": emulator.app,
            "KEY": emulator.call_control("GET", "endpoints")["functionKey"],
            "SUBSCRIPTION": SUBSCRIPTION,
            "GROUP": "MyResourceGroup",
            "NAME": "MyCommunicationResource",
            "CURL_CA_BUNDLE": str(CA_FILE),
            "REQUESTS_CA_BUNDLE": str(CA_FILE),
            "NODE_EXTRA_CA_CERTS": str(CA_FILE),
        }


def _run(command: list[str], environment: dict[str, str]) -> str:
    run = subprocess.run(  # noqa: S603 - what README says, and our own interpreters
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_curl_examples_regenerate_and_refuse(environment: dict[str, str]) -> None:
    """Both routes answer 200 with a fingerprint, and an outdated If-Match is refused."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (block,) = [block for block in _blocks("bash") if "$APP" in block]
    output = _run(["bash", "-c", block.replace("curl ", "curl -sS ")], environment)
    assert output.count('"fingerprint":"sha256:') == 2
    assert output.count('"code":"PreconditionFailed"') == 1


@pytest.mark.parametrize(("rotated_before", "refused"), [(False, "KeyInUse"), (True, "GracePending")])
def test_the_examples_of_the_loop_close_it(rotated_before: bool, refused: str) -> None:
    """A due secret is rotated, a key regenerated at ARM repaired, an event answered, after README's rotation too."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    rotating, expiring, outside, requested = (
        next(block for block in _blocks("bash") if word in block)
        for word in ('"PT5S"', '"expiresOn"', "Authorization: Bearer $TOKEN", '"specversion"')
    )
    with Emulator() as emulator:

        def run(block: str) -> None:
            block = block.replace("python3 ", f"{sys.executable} ").replace("curl ", "curl -sS ")
            block = block.replace("http://127.0.0.1:7072", emulator.control)
            _run(["bash", "-ec", block.replace("http://127.0.0.1:7071", emulator.app)], dict(os.environ))

        if rotated_before:
            run(rotating)
            eventually(lambda: events(emulator, "out", "CommunicationKey.Revoked"), "the end of the old key")
        run(expiring)
        eventually(lambda: events(emulator, "out", "CommunicationKey.Rotated")[rotated_before:], "the rotation")
        run(outside)
        eventually(lambda: events(emulator, "out", "CommunicationKey.Repaired"), "the repair")
        settled(emulator)
        assert published(emulator) == resource(emulator)["keys"]["primary" if rotated_before else "secondary"]
        # the published key and the one in grace are refused, and that is told, too
        run(requested)
        (canceled,) = eventually(lambda: events(emulator, "out", "CommunicationKey.RotationCanceled"), "the answer")
        assert canceled["event"]["data"]["error"]["code"] == refused


def test_the_python_example_prints_a_fingerprint(environment: dict[str, str]) -> None:
    """The official SDK for Python regenerates a key through the app."""
    (block,) = _blocks("python")
    assert re.fullmatch(r"sha256:[0-9a-f]{16}\n", _run([sys.executable, "-c", block], environment))


def test_the_javascript_example_prints_a_redacted_key(environment: dict[str, str], tmp_path: Path) -> None:
    """The official SDK for JavaScript regenerates a key through the app."""
    node = require_javascript()
    (block,) = _blocks("js")
    (tmp_path / "node_modules").symlink_to(PROJECT_ROOT / "tests" / "interop" / "node_modules")
    example = tmp_path / "example.mjs"
    example.write_text(block, "utf-8")
    assert _run([node, "--preserve-symlinks", "--preserve-symlinks-main", str(example)], environment) == "REDACTED\n"
