"""`--no-skips`: a run in which anything was skipped, or expected to fail, is a failed run."""

import pytest


class NoSkips:
    """A pytest plugin that counts what did not really run."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note each test that was skipped or is expected to fail."""
        expected_failure = getattr(report, "wasxfail", None)
        if report.skipped or expected_failure is not None:
            self._found.append(f"{report.nodeid}: {expected_failure or _reason(report)}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note each module that was skipped as a whole."""
        if report.skipped:
            self._found.append(f"{report.nodeid}: {_reason(report)}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run; a run that failed already keeps its own exit status."""
        if self._found and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List what was found."""
        if self._found:
            terminalreporter.section("--no-skips: these did not really run", red=True, bold=True)
            for line in self._found:
                terminalreporter.line(line)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    match report.longrepr:
        case (_, _, str(reason)):
            return reason
        case _:
            return "no reason given"
