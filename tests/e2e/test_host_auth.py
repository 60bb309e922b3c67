"""Access keys, enforced with --auth."""

import pytest

from tests.support.emulator import Emulator

pytestmark = pytest.mark.own_host

# level of the function -> the keys that open it
OPENERS = {
    "anonymous": {None, "wrong", "function", "system", "master"},
    "function": {"function", "master"},
    "admin": {"master"},
}


def key_of(emulator: Emulator, name: str | None) -> str | None:
    """Return the key by that name: an invented one for `wrong`, none for None."""
    if name is None or name == "wrong":
        return name
    return emulator.call_control("GET", "endpoints")[f"{name}Key"]


@pytest.mark.parametrize("how", ["header", "query"])
@pytest.mark.parametrize("name", [None, "wrong", "function", "system", "master"])
@pytest.mark.parametrize("level", list(OPENERS))
def test_a_function_opens_to_the_keys_of_its_level(
    guarded_web: Emulator, level: str, name: str | None, how: str
) -> None:
    """Any other key, or none, gives 401 without a body."""
    key = key_of(guarded_web, name)
    headers = {"x-functions-key": key} if key and how == "header" else {}
    query = f"?Code={key}" if key and how == "query" else ""
    reply = guarded_web.get(f"/api/level/{level}{query}", headers)
    if name in OPENERS[level]:
        assert (reply.status, reply.text) == (200, "GET")
    else:
        assert (reply.status, reply.body) == (401, b"")


@pytest.mark.parametrize("key", ["", "é", "x" * 5000])
def test_odd_keys_are_merely_wrong(guarded_web: Emulator, key: str) -> None:
    """Whatever a caller sends as its key, the answer is 401."""
    sent = key.encode().decode("latin-1")
    assert guarded_web.get("/api/level/function", {"x-functions-key": sent}).status == 401


@pytest.mark.parametrize(
    "path", ["/admin/host/status", "/admin/functions", "/admin/functions/echo", "/admin/functions/none"]
)
def test_the_admin_api_needs_the_master_key(guarded_web: Emulator, path: str) -> None:
    """A function key does not open it, and without the key one cannot tell which functions exist."""
    for name in (None, "wrong", "function", "system"):
        key = key_of(guarded_web, name)
        assert guarded_web.get(path, {"x-functions-key": key} if key else {}).status == 401
    master = key_of(guarded_web, "master")
    assert master is not None
    assert guarded_web.get(path, {"x-functions-key": master}).status in {200, 404}


def test_webhooks_of_extensions_do_not_exist_without_the_extension(guarded_web: Emulator) -> None:
    """No key turns 404 into anything else."""
    assert guarded_web.get("/runtime/webhooks/nothing").status == 404


def test_without_auth_everything_is_open(web: Emulator) -> None:
    """As with `func start`."""
    for level in OPENERS:
        assert web.get(f"/api/level/{level}").status == 200
    assert web.get("/admin/host/status").json["state"] == "Running"


def test_keys_are_new_at_each_start_and_the_app_cannot_see_them(guarded_web: Emulator, web: Emulator) -> None:
    """They are neither on the command line nor in the environment of the app's process."""
    ours, theirs = ({key_of(each, name) for name in ("function", "system", "master")} for each in (guarded_web, web))
    assert len(ours | theirs) == 6
    (process,) = guarded_web.processes()
    for file in ("cmdline", "environ"):
        try:
            with open(f"/proc/{process}/{file}") as stream:  # noqa: PTH123 - /proc is no ordinary file system
                content = stream.read()
        except FileNotFoundError:
            return  # not Linux
        assert not any(key and key in content for key in ours)


def test_the_greeting_shows_how_to_call_with_key_and_certificate(guarded_web: Emulator) -> None:
    """The curl lines after `ready` work as they stand."""
    guarded_web.wait_for(f"curl {guarded_web.control}/_control/resources\n")
    greeting, _, suggestions = guarded_web.stdout.partition("\nready\n")
    assert guarded_web.app.startswith("https://127.0.0.1:")
    assert f"[any method] {guarded_web.app}/api/level/function" in greeting
    assert f"curl --cacert .emulator/ca.pem -H 'x-functions-key: {key_of(guarded_web, 'function')}'" in suggestions
