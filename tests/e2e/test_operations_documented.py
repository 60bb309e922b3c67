"""docs/operations.md after a leak: its calls, run as they stand, do what the page says of them."""

import json
import os
import re
import shutil
import subprocess
from typing import Any

import pytest

from tests.support.emulator import CA_FILE, PROJECT_ROOT, Emulator
from tests.support.reactions import eventually, published, settled
from tests.support.rotations import accepts, resource

PAGE = (PROJECT_ROOT / "docs" / "operations.md").read_text("utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", PAGE.partition("## What has happened so far")[0], re.DOTALL | re.MULTILINE)


@pytest.fixture
def emulator(secured: Emulator) -> Emulator:
    """The app over https with keys enforced."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    return secured


def call(emulator: Emulator, word: str, **environment: str) -> dict[str, Any]:
    """Run the page's call that holds a word, and return what the app answered."""
    (ask,) = [block for block in BLOCKS if block.startswith("ask()")]
    (block,) = [block for block in BLOCKS if word in block and block != ask]
    run = subprocess.run(  # noqa: S603 - what the page says
        ["/usr/bin/env", "bash", "-ec", ask + block],
        env=os.environ
        | {"APP": emulator.app, "KEY": emulator.call_control("GET", "endpoints")["functionKey"]}
        | {"CURL_CA_BUNDLE": str(CA_FILE)}
        | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def _dead(emulator: Emulator, rotation: str) -> bool:
    revocation = call(emulator, '"$APP/api/rotations/$ID"\n', ID=rotation)["revocation"]
    return (revocation["status"], revocation.get("proof")) == ("Done", "Dead")


def _leave_secondary_in_grace(emulator: Emulator) -> None:
    """Rotate twice, by somebody else's hand: the secondary key is then the old one."""
    key = {"x-functions-key": emulator.call_control("GET", "endpoints")["functionKey"]}
    first = emulator.post("/api/rotations", {"gracePeriod": "PT0S"}, key)
    eventually(lambda: _dead(emulator, first.json["id"]), "the end of the first key")
    settled(emulator)
    assert emulator.post("/api/rotations", {"gracePeriod": "PT1H"}, key).status == 202
    settled(emulator)


@pytest.mark.parametrize("in_grace", [False, True], ids=["calm", "in grace"])
def test_one_call_ends_both_keys(emulator: Emulator, in_grace: bool) -> None:
    """Whichever key has leaked, and whatever is in grace: both are dead at the end, and a live one is published."""
    if in_grace:
        _leave_secondary_in_grace(emulator)
    before = resource(emulator)["keys"].values()
    rotation = call(emulator, '"supersede"')["id"]
    eventually(lambda: _dead(emulator, rotation), "the end of the leaked key")
    assert [accepts(emulator, key) for key in before] == [False, False]
    assert accepts(emulator, published(emulator))


def test_a_key_that_nobody_uses_is_regenerated(emulator: Emulator) -> None:
    """The call for one key ends that one alone."""
    before = resource(emulator)["keys"]
    assert call(emulator, "/api/regenerateKey")["keyType"] == "Secondary"
    assert [accepts(emulator, before[slot]) for slot in ("primary", "secondary")] == [True, False]


def test_a_key_in_grace_is_found_and_ended(emulator: Emulator) -> None:
    """The refusal has the id of a rotation that the reader has not started; with it the old key dies."""
    _leave_secondary_in_grace(emulator)
    old = resource(emulator)["keys"]["secondary"]
    error = call(emulator, "/api/regenerateKey")["error"]
    assert error["code"] == "GracePending"
    rotation = error["additionalInfo"][0]["info"]["id"]
    call(emulator, "/revoke", ID=rotation)
    eventually(lambda: _dead(emulator, rotation), "the end of the key in grace")
    assert not accepts(emulator, old)
