"""One setup: the cloud, the app's host beside it, and the e2e tests against both."""

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from shared.redaction import scrub
from tests.outside.hosts import Host
from tests.outside.process import OutsideError, stop_group
from tests.support.emulator import PROJECT_ROOT, Emulator, send
from tests.support.outside import Setup

_DEPLOYED = ("function_app.py", "host.json", "shared")
_READY_SECONDS = 300.0
_TEST_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the tests of one setup."""

    setup: str
    passed: int
    failed: int
    skipped: int

    @property
    def is_good(self) -> bool:
        """Say whether there were tests, and all of them passed."""
        return self.passed > 0 and self.failed == 0

    @property
    def line(self) -> str:
        """One line for people."""
        return f"{self.setup}: {self.passed} passed, {self.failed} failed, {self.skipped} are for another setup or host"


def run_setup(setup: Setup, host: Host, port: int, logs: Path, arguments: list[str]) -> Outcome:
    """Start everything, run pytest with these further arguments, stop everything; leave scrubbed logs in `logs`.

    Raises OutsideError if the host does not come to serve.
    """
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary) / "app"
        log = Path(temporary) / "host.log"
        _copy_app(directory)
        with (
            kept_scrubbed(log, logs / f"{setup.name}.log"),
            _cloud(setup, port, logs) as cloud,
            _serving(setup, host, port, directory, log, cloud),
        ):
            return _test(setup, host, port, log, cloud, arguments)


def _copy_app(directory: Path) -> None:
    """Copy what is deployed: the host is not to find the project's other files, nor anybody's local settings."""
    directory.mkdir()
    for name in _DEPLOYED:
        source = PROJECT_ROOT / name
        if source.is_dir():
            shutil.copytree(source, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, directory)


@contextlib.contextmanager
def kept_scrubbed(log: Path, kept: Path) -> Generator[None]:
    """Copy the log to `kept` in the end, whatever happens, with everything that looks like a key or token redacted."""
    log.touch()
    try:
        yield
    finally:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(scrub(log.read_text(encoding="utf-8", errors="replace")), encoding="utf-8")


@contextlib.contextmanager
def _cloud(setup: Setup, port: int, logs: Path) -> Generator[Emulator]:
    cloud = Emulator("--cloud-only", "--port", str(port), *setup.cloud_flags)
    try:
        with cloud:
            yield cloud
    finally:
        logs.mkdir(parents=True, exist_ok=True)
        (logs / f"{setup.name}-cloud.log").write_text(scrub(cloud.stderr), encoding="utf-8")


@contextlib.contextmanager
def _serving(setup: Setup, host: Host, port: int, directory: Path, log: Path, cloud: Emulator) -> Generator[None]:
    printed = cloud.stdout
    values: dict[str, str] = json.loads(printed[printed.index("{") : printed.rindex("}") + 1])["Values"]
    values = {name: value for name, value in (values | dict(setup.settings)).items() if value}
    environment = host.prepare(directory, values, setup)
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - a command of ours
            host.command(directory, port, setup),
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, port, log)
        yield
    finally:
        stop_group(process)


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Wait until a function of the app answers: then its worker runs, and has found them all."""
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        with contextlib.suppress(OSError):
            if send("GET", f"http://127.0.0.1:{port}/api/openapi.json", timeout=10).status == 200:
                return
        ended = process.poll()
        if ended is not None or time.monotonic() > deadline:
            how = "does not come to serve" if ended is None else f"has ended with exit code {ended}"
            last = "\n".join(scrub(log.read_text(encoding="utf-8", errors="replace")).splitlines()[-30:])
            raise OutsideError(f"the host {how}. The end of what it said:\n{last}")
        time.sleep(0.5)


def _test(setup: Setup, host: Host, port: int, log: Path, cloud: Emulator, arguments: list[str]) -> Outcome:
    report = log.with_name("report.xml")
    environment = os.environ | {
        "E2E_BASE_URL": f"http://127.0.0.1:{port}",
        "E2E_CONTROL_URL": cloud.control,
        "E2E_SETUP": setup.name,
        "E2E_LOG_FILE": str(log),
        "E2E_PATIENCE": str(host.patience),
    }
    # one host and one cloud: one test at a time
    alone = ["-n", "0"] if importlib.util.find_spec("xdist") else []
    options = ["tests/e2e", *alone, "-q", "-rfE", f"--timeout={_TEST_SECONDS}", f"--junitxml={report}", *arguments]
    subprocess.run([sys.executable, "-m", "pytest", *options], cwd=PROJECT_ROOT, env=environment, check=False)  # noqa: S603 - as above
    if not report.exists():
        raise OutsideError("pytest could not run the tests")
    (suite,) = ET.parse(report).getroot().iter("testsuite")  # noqa: S314 - pytest has just written it
    total, failures, errors, skipped = (int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped"))
    return Outcome(setup.name, total - failures - errors - skipped, failures + errors, skipped)
