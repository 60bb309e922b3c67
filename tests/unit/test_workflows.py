"""The public workflows run what was reviewed, with the least rights."""

import re
from pathlib import Path

import pytest

WORKFLOWS = sorted((Path(__file__).resolve().parents[2] / ".github" / "workflows").glob("*.yml"))


def test_there_is_a_workflow() -> None:
    """The tests below look at something."""
    assert WORKFLOWS


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit(path: Path) -> None:
    """Tags can be moved; each use names a commit, and for people the version."""
    uses = re.findall(r"uses: (.+)", path.read_text("utf-8"))
    assert uses
    assert [use for use in uses if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_job_ends_and_runs_on_a_named_image(path: Path) -> None:
    """No job runs for hours, and none on whatever image is the latest."""
    jobs = re.split(r"^  (?=[\w-]+:$)", path.read_text("utf-8").partition("\njobs:\n")[2], flags=re.MULTILINE)[1:]
    assert jobs
    for job in jobs:
        assert re.search(r"^    runs-on: ubuntu-\d\d\.\d\d$", job, re.MULTILINE), job
        assert re.search(r"^    timeout-minutes: \d+$", job, re.MULTILINE), job


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_a_workflow_installs_is_pinned(path: Path) -> None:
    """Each package of npm is named with its whole version."""
    installed = re.findall(r"npm install (.+)", path.read_text("utf-8"))
    packages = [word for line in installed for word in line.split() if not word.startswith("-")]
    assert [word for word in packages if not re.fullmatch(r"[\w@/-]+@\d+\.\d+\.\d+", word)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_only_scrubbed_logs_are_uploaded(path: Path) -> None:
    """What is kept of a run is the directory that `python -m tests.outside --logs` fills, and nothing else."""
    text = path.read_text("utf-8")
    uploads = re.findall(r"upload-artifact@.+\n        with:\n((?:          .+\n)+)", text)
    assert text.count("upload-artifact@") == len(uploads)
    for upload in uploads:
        assert "          path: ${{ runner.temp }}/logs\n" in upload
        assert '--logs $RUNNER_TEMP/logs"' in text


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_expression_gets_into_a_command(path: Path) -> None:
    """What GitHub puts in place of an expression is never read by a shell."""
    commands = re.findall(r"run: (?:\|\n(?: {10}.*\n)+|.+)", path.read_text("utf-8"))
    assert commands
    assert [command for command in commands if "${{" in command] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read(path: Path) -> None:
    """The token of a run reads the repository's content, and nothing of it stays in the checkout."""
    text = path.read_text("utf-8")
    assert re.search(r"^permissions:\n  contents: read\n\n", text, re.MULTILINE)
    assert "write" not in text
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
