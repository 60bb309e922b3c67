"""The section `extensions.durableTask` of host.json, as far as this host acts on it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from emulator.host.errors import StartError

# https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-task-hubs#task-hub-names
_HUB_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{2,44}")
# azure-functions-durable-extension, DurableTaskOptions: ten times the number of processors.
_FUNCTIONS_A_PROCESSOR = 10
# The extension's OverridableStates, in lower case -> may a start replace an instance that still runs.
_OVERRIDABLE = {"nonrunningstates": False, "anystate": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class DurableOptions:
    """`max_*` are how many functions of a kind run at once. `replace_running`: a start with the id of an instance
    that runs ends that one and takes its place (overridableExistingInstanceStates: AnyState).
    """

    hub_name: str
    max_activities: int
    max_orchestrators: int
    max_entities: int
    replace_running: bool


def read_durable_options(extensions: Mapping[str, object]) -> DurableOptions:
    """Read the section out of host.json's `extensions`; StartError for a value that the real extension refuses."""
    section = extensions.get("durableTask")
    if section is None:
        section = {}
    if not isinstance(section, dict):
        raise StartError('host.json: "extensions.durableTask" must be an object.')
    values = cast("dict[str, object]", section)
    return DurableOptions(
        hub_name=_hub_name(values),
        max_activities=_count(values, "maxConcurrentActivityFunctions"),
        max_orchestrators=_count(values, "maxConcurrentOrchestratorFunctions"),
        max_entities=_count(values, "maxConcurrentEntityFunctions"),
        replace_running=_replace_running(values),
    )


def _hub_name(values: Mapping[str, object]) -> str:
    given = values.get("hubName")
    if given is None:
        # The default is the site's name without what a hub's name cannot hold, and locally TestHubName.
        name = re.sub(r"[^A-Za-z0-9]", "", os.environ.get("WEBSITE_SITE_NAME", ""))
        return name if _HUB_NAME.fullmatch(name) else "TestHubName"
    if not isinstance(given, str) or not _HUB_NAME.fullmatch(given):
        raise StartError(
            'host.json: "extensions.durableTask.hubName" must be 3 to 45 letters and digits, a letter first.'
        )
    return given


def _count(values: Mapping[str, object], name: str) -> int:
    given = values.get(name)
    if given is None:
        return _FUNCTIONS_A_PROCESSOR * (os.process_cpu_count() or 1)
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise StartError(f'host.json: "extensions.durableTask.{name}" must be a whole number from 1 on.')
    return given


def _replace_running(values: Mapping[str, object]) -> bool:
    given = values.get("overridableExistingInstanceStates", "NonRunningStates")
    found = _OVERRIDABLE.get(given.lower()) if isinstance(given, str) else None
    if found is None:
        raise StartError(
            'host.json: "extensions.durableTask.overridableExistingInstanceStates" must be '
            '"NonRunningStates" or "AnyState".'
        )
    return found
