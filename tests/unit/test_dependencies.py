"""The dependencies: requirements, lock and what is installed say the same, without asking any network."""

import ast
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[a-z0-9,_-]+\])?==(?P<version>[0-9][A-Za-z0-9.+!]*)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of the lock: its version, for which environments, and how many hashes it has."""

    version: str
    marker: str
    hashes: int

    @property
    def applies_here(self) -> bool:
        """Whether this interpreter on this system needs the package."""
        return not self.marker or Marker(self.marker).evaluate()


def statements(name: str) -> list[str]:
    """Return the lines of a requirements file, continued lines joined, comments and empty lines left out."""
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def pins(name: str) -> dict[str, str]:
    """Return what a requirements file pins: canonical name -> version."""
    found: dict[str, str] = {}
    for line in statements(name):
        if line.startswith("-r "):
            continue
        match = PIN.fullmatch(line.partition(" #")[0].strip())
        assert match, f"{name} does not pin exactly: {line}"
        found[canonicalize_name(match["name"])] = match["version"]
    return found


def locked() -> dict[str, Locked]:
    """Return the lock: canonical name -> what it says."""
    found: dict[str, Locked] = {}
    for line in statements("requirements.lock"):
        requirement, *hashes = line.split(" --hash=")
        pin, _, marker = requirement.partition(";")
        match = PIN.fullmatch(pin.strip())
        assert match, f"the lock does not pin exactly: {pin}"
        name = canonicalize_name(match["name"])
        assert name not in found, f"the lock names {name} twice"
        assert all(HASH.fullmatch(f"--hash={value.strip()}") for value in hashes), f"an odd hash: {name}"
        found[name] = Locked(match["version"], marker.strip(), len(hashes))
    return found


def installed() -> dict[str, str]:
    """Return what is installed beside this interpreter: canonical name -> version."""
    return {canonicalize_name(item.name): item.version for item in metadata.distributions()}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_pinned_exactly(name: str) -> None:
    """Every requirement names one version with ==, and each package once."""
    lines = [line for line in statements(name) if not line.startswith("-r ")]
    assert lines
    assert len(pins(name)) == len(lines)


def test_the_tools_come_on_top_of_what_is_deployed() -> None:
    """requirements-dev.txt includes requirements.txt and pins none of its packages again."""
    assert "-r requirements.txt" in statements("requirements-dev.txt")
    assert not pins("requirements.txt").keys() & pins("requirements-dev.txt").keys()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_stands_in_the_lock(name: str) -> None:
    """The lock holds each pinned package in that very version: `make lock` was run after the last change."""
    lock = locked()
    wanted = pins(name)
    assert {package: lock[package].version if package in lock else None for package in wanted} == wanted


def test_everything_in_the_lock_has_hashes() -> None:
    """pip checks what it downloads against at least one hash for each package."""
    assert [name for name, package in locked().items() if not package.hashes] == []


def test_what_is_installed_is_what_is_locked() -> None:
    """The tests run on the lock: every package that applies here, in its version, and nothing else but pip."""
    wanted = {name: package.version for name, package in locked().items() if package.applies_here}
    present = installed()
    present.pop("pip", None)
    assert present == wanted


def third_party_imports(paths: list[Path]) -> set[str]:
    """Return the dotted modules that files import and that are neither Python's nor the project's."""
    found: set[str] = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
    ours = {"shared", "emulator", "tests", "bench", "prove", "function_app"}
    return {name for name in found if name.partition(".")[0] not in sys.stdlib_module_names | ours}


@cache
def providers() -> Mapping[str, list[str]]:
    """Return which packages provide each top-level module; reading that takes a while."""
    return metadata.packages_distributions()


def distributions_of(module: str) -> set[str]:
    """Return the packages that may provide a module.

    Parts of `azure`, a namespace of many packages, are told by their name: azure.mgmt.core is in azure-mgmt-core.
    """
    parts = module.split(".")
    if parts[:2] == ["azure", "durable_functions"]:
        return {"azure-functions-durable"}  # the one whose name is the other way round
    if parts[0] == "azure":
        return {"-".join(parts[:length]).replace("_", "-") for length in range(2, len(parts) + 1)}
    return {canonicalize_name(name) for name in providers().get(parts[0], [])}


def test_the_app_imports_only_what_is_deployed() -> None:
    """Each package that shared/ or function_app.py imports itself is named in requirements.txt."""
    modules = third_party_imports([*(ROOT / "shared").rglob("*.py"), ROOT / "function_app.py"])
    deployed = pins("requirements.txt").keys()
    assert "azure.functions" in modules
    assert [module for module in sorted(modules) if not distributions_of(module) & deployed] == []


def test_the_emulator_and_the_tests_import_only_what_is_locked() -> None:
    """Whatever else the project imports stands at least in the lock."""
    folders = ("emulator", "tests", "bench", "prove")
    paths = [path for name in folders for path in (ROOT / name).rglob("*.py") if "node_modules" not in path.parts]
    assert [
        module for module in sorted(third_party_imports(paths)) if not distributions_of(module) & locked().keys()
    ] == []
