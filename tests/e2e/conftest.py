"""Emulators that many tests share: the real app, and the small apps of the host's own tests."""

from collections.abc import Iterator

import pytest

from tests.support.emulator import APPS, OUTSIDE, Emulator
from tests.support.outside import DIRECT, PLAIN, running
from tests.support.reactions import settled


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what concerns a host of the project's own where the tests are held against another one."""
    skip = pytest.mark.skip(reason="is about the project's own host; E2E_BASE_URL names another one")
    for item in items:
        if OUTSIDE and item.get_closest_marker("own_host") is not None:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[Emulator]:
    """The project's own app with its cloud, started once; use `emulator`, which resets the cloud before each test."""
    with running(PLAIN) as app:
        yield app


@pytest.fixture
def emulator(running_emulator: Emulator) -> Emulator:
    """The project's own app, its cloud as at the start."""
    running_emulator.reset()
    return running_emulator


@pytest.fixture(scope="session")
def running_direct() -> Iterator[Emulator]:
    """The project's own app without a Key Vault, where a regenerate is one direct call."""
    with running(DIRECT) as app:
        yield app


@pytest.fixture
def direct(running_direct: Emulator) -> Emulator:
    """The project's own app without a Key Vault, its cloud as at the start."""
    running_direct.reset()
    return running_direct


@pytest.fixture(scope="session")
def running_secured() -> Iterator[Emulator]:
    """The project's own app over https, function keys enforced."""
    with Emulator("--https", "--auth") as running:
        yield running


@pytest.fixture
def secured(running_secured: Emulator) -> Emulator:
    """The project's own app over https, function keys enforced, at rest, its cloud as at the start."""
    settled(running_secured)
    running_secured.reset()
    return running_secured


@pytest.fixture(scope="session")
def web() -> Iterator[Emulator]:
    """The app `web`, open to all."""
    # A small limit for bodies, so that its test need not send 100 MB.
    with Emulator(app=APPS / "web", settings={"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1000000"}) as running:
        yield running


@pytest.fixture(scope="session")
def guarded_web() -> Iterator[Emulator]:
    """The app `web` over TLS, its keys enforced."""
    with Emulator("--auth", "--https", app=APPS / "web") as running:
        yield running
