"""host.json, as far as this host acts on it."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from emulator.host.errors import StartError
from emulator.host.json_file import read_json_object
from emulator.host.time_span import parse_time_span

# https://learn.microsoft.com/azure/azure-functions/configure-monitoring#configure-log-levels
LOG_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostConfiguration:
    """What host.json says: the first segments of every HTTP route, the least level that is logged, the
    seconds that an invocation may take (None: no limit), and the sections of the extensions.
    """

    route_prefix: str
    log_level: int
    function_timeout: float | None
    extensions: Mapping[str, object]


def read_configuration(app_directory: Path) -> HostConfiguration:
    """Read DIR/host.json; StartError says what is missing or wrong."""
    path = app_directory / "host.json"
    if not path.is_file():
        raise StartError(f"There is no host.json in {app_directory}: it is not the directory of a function app.")
    document = read_json_object(path)
    # The host refuses any other schema: https://learn.microsoft.com/azure/azure-functions/functions-host-json
    if document.get("version") != "2.0":
        raise StartError(f'{path}: "version" must be "2.0".')
    extensions = _section(path, document, "extensions")
    prefix = _section(path, extensions, "http").get("routePrefix", "api")
    if not isinstance(prefix, str) or re.search(r"[{}?#\s]", prefix):
        raise StartError(f'{path}: "extensions.http.routePrefix" must be a path such as "api", or empty.')
    return HostConfiguration(
        route_prefix=prefix.strip("/"),
        log_level=_log_level(path, document),
        function_timeout=_timeout(path, document),
        extensions=extensions,
    )


def _section(path: Path, document: Mapping[str, object], name: str) -> dict[str, object]:
    value = document.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise StartError(f'{path}: "{name}" must be an object.')
    return cast("dict[str, object]", value)


def _timeout(path: Path, document: Mapping[str, object]) -> float | None:
    # Absent or "-1": no limit, as in the plans that allow it.
    text = document.get("functionTimeout", "-1")
    if text == "-1":
        return None
    try:
        seconds = parse_time_span(text).total_seconds() if isinstance(text, str) else 0
    except ValueError:
        seconds = 0
    if seconds <= 0:
        raise StartError(f'{path}: "functionTimeout" must be a TimeSpan such as "00:05:00", or "-1".')
    return seconds


def _log_level(path: Path, document: Mapping[str, object]) -> int:
    levels = _section(path, _section(path, document, "logging"), "logLevel")
    name = levels.get("default", "Information")
    level = LOG_LEVELS.get(name.lower()) if isinstance(name, str) else None
    if level is None:
        raise StartError(f'{path}: "logging.logLevel.default" must be one of {", ".join(LOG_LEVELS)}.')
    return level
