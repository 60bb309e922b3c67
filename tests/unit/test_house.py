"""The house and its rules: who imports whom, what is pure, who reads the environment, and how long files get."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = sorted((ROOT / "shared").rglob("*.py"))
EMULATOR = sorted((ROOT / "emulator").rglob("*.py"))
PROVE = sorted(path for name in ("bench", "prove") for path in (ROOT / name).rglob("*.py"))
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if "node_modules" not in path.parts)

# The adapters alone may import these; the durable engine is no SDK of a service, and the rotation is written for it.
EFFECTFUL = (
    *("azure.identity", "azure.mgmt", "azure.core", "azure.keyvault", "azure.communication", "azure.eventgrid"),
    *("aiohttp", "msal"),
)

# Imports run one way: a module may import only from layers above its own, so that no two modules need each other.
# A new module takes its place here.
LAYERS: tuple[frozenset[str], ...] = tuple(
    frozenset(f"shared.{name}" for name in layer.split())
    for layer in (
        (
            "errors redaction durations schedule clock wire retry_after durable_app azure_clients.transport "
            "azure_clients.shared_call telemetry.names"
        ),
        (
            "event_envelope json_body resource_id logs caller conflicts connection_string key_vault_errors "
            "event_grid_errors proof telemetry.spans"
        ),
        (
            "parameters settings azure_clients.arm_errors azure_clients.calls azure_clients.key_vault_answers "
            "telemetry.metrics"
        ),
        (
            "http regeneration published_secret azure_clients.credential azure_clients.data_plane rotation.model "
            "rotation.parameters event_data"
        ),
        (
            "delivery events azure_clients.management azure_clients.key_vault_calls azure_clients.event_grid_answers "
            "rotation.guard"
        ),
        "audit rotation.plan rotation.status rotation.findings azure_clients.event_grid",
        (
            "authorization azure_clients.key_vault rotation.entity rotation.engine rotation.announcements "
            "openapi.schemas"
        ),
        "rotation.steps rotation.upkeep rotation.in_time openapi.responses",
        (
            "no_vault rotation.moves rotation.activities rotation.requests rotation.responses rotation.attempts "
            "rotation.endings"
        ),
        "rotation.workflow rotation.revocation rotation.announcing rotation.patient openapi.operations",
        "rotation.outbox openapi.endpoints openapi.__main__",
        "composition rotation.endpoints rotation.guarded",
        "endpoints rotation.blueprint rotation.durable_engine rotation.reactions rotation.reconcile",
    )
)

# Decisions and parsing alone: no Azure, no clock, no chance, no files, no network, no tasks.
PURE = [
    "errors",
    "redaction",
    "json_body",
    "resource_id",
    "parameters",
    "caller",
    "durations",
    "schedule",
    "wire",
    "retry_after",
    "telemetry.names",
    "conflicts",
    "connection_string",
    "event_data",
    "event_envelope",
    "events",
    "key_vault_errors",
    "event_grid_errors",
    "published_secret",
    "azure_clients.arm_errors",
    "azure_clients.event_grid_answers",
    "rotation.model",
    "rotation.parameters",
    "rotation.plan",
    "rotation.guard",
    "rotation.status",
    "rotation.announcements",
    "rotation.findings",
    "rotation.upkeep",
    "openapi.schemas",
    "openapi.responses",
    "openapi.operations",
]
EFFECTS = frozenset(
    {
        "aiohttp",
        "asyncio",
        "azure",
        "durabletask",
        "glob",
        "grpc",
        "http",
        "io",
        "multiprocessing",
        "os",
        "pathlib",
        "random",
    }
    | {"secrets", "shutil", "socket", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid"}
)
CLOCKS = frozenset({"now", "utcnow", "today", "time", "monotonic", "perf_counter", "sleep"})


@cache
def parsed(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text("utf-8"), str(path))


def module_name(path: Path) -> str:
    """Return the dotted name of a file of the project."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Give the dotted name of everything that a file imports, at its top or anywhere in it."""
    for node in ast.walk(parsed(path)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                # `from shared import http` imports shared.http, `from shared.http import answer` shared.http
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.ImportFrom():
                yield "." * node.level
            case _:
                pass


def belongs_to(name: str, packages: tuple[str, ...] | frozenset[str]) -> bool:
    """Say whether a dotted name is, or lies in, one of the packages."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def named(paths: list[Path]) -> list[object]:
    """Return files as test parameters with their names as ids."""
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


EVERYTHING = named([*SHARED, *EMULATOR, *PROVE, *TESTS, ROOT / "function_app.py"])


def test_there_is_something_to_look_at() -> None:
    """The walk finds the files that it is about."""
    assert {"shared.errors", "shared.azure_clients.management"} <= {module_name(path) for path in SHARED}
    assert EMULATOR
    assert Path(__file__) in TESTS
    assert "shared.errors.AppError" in set(imports(ROOT / "shared" / "http.py"))


@pytest.mark.parametrize("path", EVERYTHING)
def test_imports_are_absolute(path: Path) -> None:
    """Every import says the full name, so that these tests and a reader see who imports whom."""
    assert not [name for name in imports(path) if name.startswith(".")]


@pytest.mark.parametrize("path", named([path for path in SHARED if "azure_clients" not in path.parts]))
def test_only_the_adapters_import_the_sdks(path: Path) -> None:
    """Outside shared/azure_clients nobody knows the SDKs or their transport."""
    assert not [name for name in imports(path) if belongs_to(name, EFFECTFUL)]


@pytest.mark.parametrize("path", named(SHARED))
def test_the_app_does_not_know_the_emulator(path: Path) -> None:
    """What is deployed imports nothing of what is not."""
    assert not [
        name for name in imports(path) if belongs_to(name, ("emulator", "tests", "bench", "prove", "function_app"))
    ]


@pytest.mark.parametrize("path", named(EMULATOR))
def test_the_emulator_does_not_know_the_app(path: Path) -> None:
    """The emulator behaves like the service, not like this client of it."""
    assert not [
        name for name in imports(path) if belongs_to(name, ("shared", "tests", "bench", "prove", "function_app"))
    ]


@pytest.mark.parametrize("path", named([path for path in PROVE if "prove" in path.parts]))
def test_the_proof_knows_neither_the_app_nor_the_emulator(path: Path) -> None:
    """What proves the promises uses nothing of what makes them: it talks HTTP, as anybody can. The one that plays
    histories by the thousand does it with the tests' own machine, in memory."""
    strange = {name for name in imports(path) if belongs_to(name, ("shared", "emulator", "tests", "function_app"))}
    assert strange <= ({"tests.support.rotation_machine.Machine"} if path.stem == "properties" else set())


def test_the_public_surface_imports_functions_and_the_app_alone() -> None:
    """function_app.py is glue between azure.functions and shared."""
    allowed = ("azure.functions", "shared")
    assert not [name for name in imports(ROOT / "function_app.py") if not belongs_to(name, allowed)]


def test_every_module_has_its_layer() -> None:
    """The table of layers names each module of the app once, and none that is gone."""
    modules = {module_name(path) for path in SHARED if path.name != "__init__.py"}
    assert sorted(name for layer in LAYERS for name in layer) == sorted(modules)


@pytest.mark.parametrize("path", named([path for path in SHARED if path.name != "__init__.py"]))
def test_imports_run_one_way(path: Path) -> None:
    """A module imports only from layers above its own."""
    position = next(i for i, layer in enumerate(LAYERS) if module_name(path) in layer)
    above = frozenset[str]().union(*LAYERS[:position])
    assert not [name for name in imports(path) if belongs_to(name, ("shared",)) and not belongs_to(name, above)]


@pytest.mark.parametrize("path", named([path for path in SHARED if path.name == "__init__.py"]))
def test_packages_import_nothing(path: Path) -> None:
    """Importing a package loads none of its modules."""
    assert list(imports(path)) == []


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_have_no_effects(module: str) -> None:
    """Pure modules import nothing of Azure and nothing that reaches out of the process, and ask no clock."""
    path = ROOT / "shared" / Path(*module.split(".")).with_suffix(".py")
    assert not [name for name in imports(path) if name.partition(".")[0] in EFFECTS]
    pure = frozenset(f"shared.{name}" for name in PURE)
    assert not [name for name in imports(path) if belongs_to(name, ("shared",)) and not belongs_to(name, pure)]
    calls = [node.func for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]
    assert not [call.attr for call in calls if isinstance(call, ast.Attribute) and call.attr in CLOCKS]
    assert not [call.id for call in calls if isinstance(call, ast.Name) and call.id in ("open", "print", "input")]


@pytest.mark.parametrize("path", named([path for path in SHARED if path.name != "settings.py"]))
def test_only_the_settings_read_the_environment(path: Path) -> None:
    """Nobody but shared/settings.py looks at environment variables."""
    reading = frozenset({"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"})
    attributes = {node.attr for node in ast.walk(parsed(path)) if isinstance(node, ast.Attribute)}
    assert not reading & attributes
    assert not [name for name in imports(path) if name.rpartition(".")[2] in reading]


@pytest.mark.parametrize("path", named([*SHARED, *EMULATOR, *PROVE]))
def test_files_stay_short(path: Path) -> None:
    """One subject a file: none has over 350 lines."""
    assert len(path.read_text("utf-8").splitlines()) <= 350


@pytest.mark.parametrize("path", named([path for path in TESTS if path.name.startswith("test_")]))
def test_every_test_states_a_behaviour(path: Path) -> None:
    """Every test function has a docstring that says what must hold."""
    tests = (
        node
        for node in ast.walk(parsed(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
    )
    assert not [test.name for test in tests if not (ast.get_docstring(test) or "").strip()]


def test_indexing_the_functions_loads_no_sdk() -> None:
    """Importing function_app, as the worker does at the start, loads no SDK: they come with the first request."""
    heavy = (
        *("azure.identity", "azure.mgmt", "azure.core", "azure.keyvault", "azure.communication", "azure.eventgrid"),
        *("aiohttp", "msal"),
    )
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import function_app; "
        f"print(*(name for name in {heavy!r} if name in sys.modules))"
    )
    child = subprocess.run(  # noqa: S603  # this interpreter, with a script of our own
        [sys.executable, "-I", "-c", script, str(ROOT)], capture_output=True, text=True, check=False, timeout=60
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.split() == []


def test_indexing_the_functions_needs_no_setting() -> None:
    """A missing setting never keeps the functions from being indexed: the requests say what is missing."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import function_app; print(len(function_app.app.get_functions()))"
    )
    child = subprocess.run(  # noqa: S603  # this interpreter, with a script of our own
        [sys.executable, "-I", "-c", script, str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={},
    )
    assert child.returncode == 0, child.stderr
    assert int(child.stdout) >= 2
