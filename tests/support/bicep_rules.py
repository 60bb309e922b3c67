"""What can be wrong with a template, each as a function from a parsed file to sentences; none: it is right.

It stands in for what the compiler would say where there is none: syntax, modules, versions, and what leaks; what is
wrong with symbols is in bicep_symbols.py.
"""

import re
from collections.abc import Iterable
from datetime import date

from tree_sitter import Node

from tests.support.bicep import Bicep, Declaration, Expression, parse, text_of, value_of, walk

# functions whose answer is, or may hold, a secret
_SECRET = re.compile(r"\b(list[A-Z]\w*|getSecret)\s*\(|ConnectionString|InstrumentationKey|\bkeys\b", re.ASCII)
_TYPE = re.compile(r"(?P<type>Microsoft\.\w+(?:/\w+)+)@(?P<version>\d{4}-\d{2}-\d{2})(?P<preview>-preview)?", re.ASCII)


def syntax_errors(file: Bicep) -> list[str]:
    """Return where the grammar could not follow."""
    return [
        f"line {node.start_point.row + 1}: {text_of(node)[:40]!r}"
        for node in walk(file.root)
        if node.is_error or node.is_missing
    ]


def undescribed(file: Bicep) -> list[str]:
    """Return the parameters without a description that is a sentence."""
    return [
        name
        for name, param in file.of("param").items()
        if not str(next(iter(param.decorators.get("description", ("",))), "")).endswith(".")
    ]


def wrong_modules(file: Bicep) -> list[str]:
    """Return what does not fit between the modules that a file uses and the files that they are: paths, parameters
    that are missing or unknown, outputs that there are not."""
    problems: list[str] = []
    for name, module in file.of("module").items():
        path = (file.path.parent / module.target).resolve()
        if not path.is_file():
            problems.append(f"{name}: there is no {module.target}")
            continue
        inner = parse(path.read_text("utf-8"), path)
        params, given = inner.of("param"), set(module.value.get("params", {}))
        required = {
            each for each, param in params.items() if param.value == Expression("") and param.text.count("=") == 0
        }
        problems += [f"{name}: {each} is missing" for each in sorted(required - given)]
        problems += [f"{name}: there is no parameter {each}" for each in sorted(given - set(params))]
        asked = re.findall(rf"\b{name}(?:\[[^\]]*\]+)?!?\.outputs\.(\w+)", text_of(file.root))
        problems += [f"{name}: there is no output {each}" for each in asked if each not in inner.of("output")]
    return problems


def remote_modules(file: Bicep) -> list[str]:
    """Return the modules that come from a registry or a template spec, and so from the network."""
    return [module.target for module in file.of("module").values() if ":" in module.target]


def leaking_outputs(file: Bicep) -> list[str]:
    """Return the outputs that hold a secret, or what is not to be seen in a deployment's history."""
    return [
        name
        for name, output in file.of("output").items()
        if _SECRET.search(output.text) or "secure" in output.decorators
    ]


def secrets_asked_for(file: Bicep) -> list[str]:
    """Return the calls that make Azure hand a secret to the template."""
    return re.findall(r"\b(?:list[A-Z]\w*|getSecret)(?=\s*\()", text_of(file.root))


def wrong_types(files: Iterable[Bicep], today: date, exceptions: Iterable[str] = ()) -> list[str]:
    """Return the resource types with an API version that is malformed, in the future, a preview, older than five
    years, or another one than elsewhere; `exceptions` are types whose newest version is old or a preview."""
    problems: list[str] = []
    versions: dict[str, str] = {}
    for each in (resource for file in files for resource in file.declarations if resource.kind == "resource"):
        if each.parent is not None:
            if "@" in each.target:
                problems.append(f"{each.target}: a nested resource has the version of its parent")
            continue
        match = _TYPE.fullmatch(each.target)
        if match is None:
            problems.append(f"{each.target}: is no type and version")
            continue
        if versions.setdefault(match["type"], each.target) != each.target:
            problems.append(f"{each.target}: is {versions[match['type']]} elsewhere")
        released = date.fromisoformat(match["version"])
        old = released < today.replace(year=today.year - 5, day=1)
        if released > today or ((old or match["preview"]) and match["type"] not in exceptions):
            problems.append(f"{each.target}: is not a recent version")
    return problems


def loaded_files(file: Bicep) -> list[str]:
    """Return the paths of the files that are read at compile time."""
    return re.findall(r"\bload\w+Content\('([^']+)'", text_of(file.root))


def find(node: Node, key: str) -> list[Node]:
    """Return the values of every property of that name below a node."""
    found: list[Node] = []
    for each in walk(node):
        if each.type == "object_property" and len(each.named_children) == 2:
            name, value = each.named_children
            if (value_of(name) if name.type == "string" else text_of(name)) == key:
                found.append(value)
    return found


def objects(declaration: Declaration, key: str) -> list[dict[str, object]]:
    """Return the outermost objects that the property of that name has, whatever condition stands before them."""
    found: list[dict[str, object]] = []
    for value in find(declaration.node, key):
        first = next((each for each in walk(value) if each.type == "object" and each.named_children), None)
        if first is not None:
            found.append(value_of(first))
    return found
