"""Starting and ending the host while durable functions run."""

import signal
from pathlib import Path

import pytest

from tests.support.durable import DurableApp
from tests.support.emulator import APPS, Emulator

pytestmark = pytest.mark.own_host


def test_it_ends_in_the_midst_of_orchestrations() -> None:
    """Timers, events that never come, entities and activities at work: no traceback, nothing left."""
    with Emulator(app=APPS / "durable") as emulator:
        app = DurableApp(emulator.app)
        for _ in range(20):
            app.start("race", 3600.0)
            app.start("rounds", 1000)
            app.start("call_entity", {"entity": "Counter", "key": "k", "operation": "add", "input": 1})
        app.start("call", {"activity": "wait", "input": 0.5})
        emulator.wait_for("waiting")
        assert emulator.stop(signal.SIGINT) == 0
    assert "Traceback" not in emulator.output
    assert "Task exception" not in emulator.output


def test_an_activity_that_takes_too_long_is_given_up() -> None:
    """After the time that every running call has."""
    with Emulator(app=APPS / "durable") as emulator:
        DurableApp(emulator.app).start("call", {"activity": "wait", "input": 3600.0})
        emulator.wait_for("waiting")
        assert emulator.stop() == 0
    assert "1 invocations did not end within 5 s" in emulator.stderr
    assert "Traceback" not in emulator.output


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("[]", '"extensions.durableTask" must be an object'),
        ('{"hubName": "1"}', '"extensions.durableTask.hubName" must be'),
        ('{"maxConcurrentActivityFunctions": 0}', '"extensions.durableTask.maxConcurrentActivityFunctions" must be'),
    ],
)
def test_a_malformed_section_keeps_it_from_starting(tmp_path: Path, section: str, problem: str) -> None:
    """With one line that names it."""
    (tmp_path / "host.json").write_text(f'{{"version": "2.0", "extensions": {{"durableTask": {section}}}}}')
    (tmp_path / "function_app.py").write_text("import azure.durable_functions as df\napp = df.DFApp()\n")
    emulator = Emulator(app=tmp_path)
    emulator.start()
    assert emulator.wait_for_end() == 1
    assert problem in emulator.stderr
    assert "Traceback" not in emulator.stderr


def test_an_app_without_durable_functions_does_not_pay() -> None:
    """Neither the engine nor its protocol is loaded."""
    with Emulator("--log-level", "debug", app=APPS / "web") as emulator:
        (host,) = emulator.processes()
        maps = Path(f"/proc/{host}/maps")
        if not maps.exists():
            pytest.skip("needs /proc")
        assert "grpc" not in maps.read_text()
