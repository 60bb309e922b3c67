"""host.json and local.settings.json, and the layers of settings."""

import json
import logging
from pathlib import Path

import pytest

from emulator.host.configuration import read_configuration
from emulator.host.errors import StartError
from emulator.host.json_file import read_json_object
from emulator.host.logs import effective_level
from emulator.supervisor_settings import ALWAYS_OURS, app_environment, local_values


def write(directory: Path, name: str, content: object) -> Path:
    """Write JSON, or text as it is."""
    file = directory / name
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


def test_comments_and_a_byte_order_mark_are_no_errors(tmp_path: Path) -> None:
    """As with Newtonsoft.Json; what looks like a comment inside a string stays."""
    text = '\ufeff{ // one\n "a": "http://x/*y*/", /* two\n */ "b": "\\"//" }'
    assert read_json_object(write(tmp_path, "x.json", text)) == {"a": "http://x/*y*/", "b": '"//'}


def test_an_error_after_a_comment_names_the_right_line(tmp_path: Path) -> None:
    """The comment's lines count."""
    with pytest.raises(StartError, match="line 4"):
        read_json_object(write(tmp_path, "x.json", '{\n/* a\nb */\n"c" 5}'))


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    """UTF-16, for one, which some editors write."""
    file = tmp_path / "x.json"
    file.write_bytes("{}".encode("utf-16"))
    with pytest.raises(StartError, match="UTF-8"):
        read_json_object(file)


def test_defaults_of_host_json(tmp_path: Path) -> None:
    """The prefix is api, the level Information, and there is no time limit."""
    write(tmp_path, "host.json", {"version": "2.0"})
    configuration = read_configuration(tmp_path)
    assert (configuration.route_prefix, configuration.log_level) == ("api", logging.INFO)
    assert configuration.function_timeout is None


def test_host_json_is_read(tmp_path: Path) -> None:
    """Prefix, level and time limit."""
    write(
        tmp_path,
        "host.json",
        {
            "version": "2.0",
            "functionTimeout": "00:05:00",
            "extensions": {"http": {"routePrefix": "/v1/x/"}},
            "logging": {"logLevel": {"default": "warning"}},
        },
    )
    configuration = read_configuration(tmp_path)
    assert (configuration.route_prefix, configuration.log_level) == ("v1/x", logging.WARNING)
    assert configuration.function_timeout == 300


@pytest.mark.parametrize(
    ("option", "setting", "expected"),
    [
        (None, None, logging.WARNING),
        (None, "1", logging.DEBUG),
        (None, "true", logging.DEBUG),
        (None, "0", logging.WARNING),
        ("error", "1", logging.ERROR),
    ],
)
def test_the_log_level_has_three_sources(
    monkeypatch: pytest.MonkeyPatch, option: str | None, setting: str | None, expected: int
) -> None:
    """The command line, the worker's own setting, host.json, in that order."""
    monkeypatch.delenv("PYTHON_ENABLE_DEBUG_LOGGING", raising=False)
    if setting is not None:
        monkeypatch.setenv("PYTHON_ENABLE_DEBUG_LOGGING", setting)
    assert effective_level(option, logging.WARNING) == expected


def test_values_of_local_settings_are_texts_and_empty_ones_do_not_count(tmp_path: Path) -> None:
    """Numbers and booleans become text as Core Tools make it."""
    values = {"A": "a", "B": "", "C": 5, "D": True, "E": None, "F": 1.5}
    write(tmp_path, "local.settings.json", {"IsEncrypted": False, "Values": values})
    assert local_values(tmp_path) == {"A": "a", "C": "5", "D": "true", "F": "1.5"}


def test_without_local_settings_there_are_no_values(tmp_path: Path) -> None:
    """The file is optional, and so is `Values`."""
    assert local_values(tmp_path) == {}
    write(tmp_path, "local.settings.json", {})
    assert local_values(tmp_path) == {}


def test_the_environment_wins_even_when_it_is_empty() -> None:
    """That is how one unsets a default."""
    merged = app_environment(
        {"A": "", "PATH": "p"}, {"A": "file", "B": "file"}, {"A": "ours", "B": "ours", "C": "ours"}
    )
    assert merged == {"A": "", "B": "file", "C": "ours", "PATH": "p"}


@pytest.mark.parametrize("name", sorted(ALWAYS_OURS))
def test_trust_and_identity_are_always_the_emulators(name: str) -> None:
    """A company's certificates or proxy must not come between the app and the emulator."""
    assert app_environment({name: "company"}, {name: "file"}, {name: "ours"}) == {name: "ours"}


def test_service_fabric_is_never_mistaken_for_app_service() -> None:
    """azure-identity chooses by this variable."""
    assert app_environment({"IDENTITY_SERVER_THUMBPRINT": "x"}, {}, {}) == {}
