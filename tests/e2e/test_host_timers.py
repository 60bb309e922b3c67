"""Timers and the admin API, in the app `timers`."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.emulator import APPS, Emulator

pytestmark = pytest.mark.own_host


@pytest.fixture(scope="module")
def timers() -> Iterator[Emulator]:
    """The app `timers`; one of its schedules is a setting."""
    with Emulator(app=APPS / "timers", settings={"YEARLY": "0 0 0 1 1 *"}) as running:
        yield running


def wait_for_runs(emulator: Emulator, name: str, count: int) -> Any:
    """Return the answer of `runs` once the timer has run `count` times."""
    deadline = time.monotonic() + 20
    while True:
        seen = emulator.get("/runs").json
        if len(seen["runs"].get(name, [])) >= count:
            return seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)


def test_a_timer_fires_on_its_schedule(timers: Emulator) -> None:
    """Each second, on the second, and not late."""
    runs = wait_for_runs(timers, "each_second", 2)["runs"]["each_second"]
    assert all(not run["pastDue"] for run in runs)
    assert all(run["schedule"] == {"AdjustForDST": True} for run in runs)


def test_a_timer_never_runs_twice_at_once(timers: Emulator) -> None:
    """A run that outlasts its interval delays the next one."""
    seen = wait_for_runs(timers, "overlapping", 2)
    assert seen["most"]["overlapping"] == 1


def test_run_on_startup_fires_at_the_start_whatever_the_schedule(timers: Emulator) -> None:
    """Its schedule, a setting, is a year away; a schedule of a minute or more has a status."""
    (run,) = wait_for_runs(timers, "at_start", 1)["runs"]["at_start"]
    assert set(run["status"]) == {"Last", "LastUpdated", "Next"}


@pytest.mark.parametrize("body", [None, {}, {"input": "x"}, {"input": None}])
def test_the_admin_api_runs_a_timer_now(timers: Emulator, body: dict[str, Any] | None) -> None:
    """The name counts in any case; the answer is 202 at once."""
    before = len(timers.get("/runs").json["runs"].get("Reconcile", []))
    reply = timers.post("/admin/functions/reconcile", body)
    assert (reply.status, reply.body) == (202, b"")
    wait_for_runs(timers, "Reconcile", before + 1)


def test_the_admin_api_does_not_tell_how_the_run_ended(timers: Emulator) -> None:
    """A failure is in the log."""
    assert timers.post("/admin/functions/failing", {}).status == 202
    timers.wait_for("RuntimeError: timer failed False")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/admin/functions/nobody", b"{}", 404),
        ("/admin/functions/reconcile", b"{", 400),
        ("/admin/functions/reconcile", b"[]", 400),
        ("/admin/functions/reconcile", b'{"input": {}}', 400),
        ("/admin/functions/on_message", b"{}", 400),
        ("/admin/functions/get_runs", b"{}", 202),
        ("/admin/nothing", b"{}", 404),
    ],
)
def test_the_admin_api_refuses_what_it_cannot_run(timers: Emulator, path: str, body: bytes, status: int) -> None:
    """Unknown functions, malformed bodies, and triggers that this host does not run."""
    assert timers.post(path, body, {"Content-Type": "application/json"}).status == status


def test_the_admin_api_describes_host_and_functions(timers: Emulator) -> None:
    """Ping, status, the list of functions and one of them."""
    assert timers.get("/admin/host/ping").status == 200
    assert timers.get("/admin/host/status").json["state"] == "Running"
    names = {function["name"] for function in timers.get("/admin/functions").json}
    assert {"each_second", "Reconcile", "on_message", "get_runs"} <= names
    assert timers.get("/admin/functions/RECONCILE").json["config"]["bindings"][0]["type"] == "timerTrigger"
    assert timers.request("DELETE", "/admin/host/status").header("allow") == "GET"


def test_triggers_that_this_host_does_not_run_are_indexed_with_a_warning(timers: Emulator) -> None:
    """The rest of the app runs."""
    line = "This host does not run triggers of type queueTrigger: the function on_message is indexed only."
    assert timers.stderr.count(line) == 1


def test_with_an_empty_route_prefix_routes_start_at_the_root(timers: Emulator) -> None:
    """A catch-all comes last, and takes the root too."""
    assert timers.get("/a/b").text == "rest: a/b"
    assert timers.get("/").text == "rest: "
    assert timers.post("/a/b").status == 405
