"""What can be wrong with the symbols of a template: such as stand for nothing, and such as nothing refers to."""

from collections.abc import Iterator

from tree_sitter import Node

from tests.support.bicep import Bicep, text_of, walk

# https://learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-functions : those that the templates use
FUNCTIONS = frozenset(
    [
        "cidrSubnet",
        "concat",
        "contains",
        "empty",
        "environment",
        "fail",
        "filter",
        "guid",
        "indexOf",
        "int",
        "items",
        "join",
        "loadTextContent",
        "map",
        "replace",
        "resourceGroup",
        "split",
        "subscription",
        "subscriptionResourceId",
        "tenant",
        "toLower",
        "toObject",
        "trim",
        "union",
        "uniqueString",
    ]
)


def unused(file: Bicep) -> list[str]:
    """Return the parameters, variables and existing resources that nothing refers to."""
    used = {name for name, _ in _references(file)}
    return [
        each.name
        for each in file.declarations
        if (each.kind in ("param", "var") or each.is_existing) and each.name not in used
    ]


def undeclared(file: Bicep) -> list[str]:
    """Return the names that are used and stand for nothing: symbols, loop variables and functions."""
    declared = {each.name for each in file.declarations if each.kind != "output"}
    problems = [name for name, node in _references(file) if name not in declared and name not in _local_names(node)]
    called = (node.named_children[0] for node in walk(file.root) if node.type == "call_expression")
    problems += [
        text_of(name)
        for name in called
        if name.type == "identifier" and text_of(name) not in FUNCTIONS and not _in_decorator(name)
    ]
    return problems


def _references(file: Bicep) -> Iterator[tuple[str, Node]]:
    """Yield each identifier that stands for a value, with its node."""
    source = file.root.text or b""
    for node in walk(file.root):
        if node.type != "identifier" or node.parent is None:
            continue
        parent, first = node.parent, node.parent.named_children[0]
        is_name = node == first and (parent.type.endswith("_declaration") or parent.type == "call_expression")
        is_key = node == first and parent.type == "object_property" and len(parent.named_children) == 2
        is_parameter = node == first and parent.type in ("lambda_expression", "for_statement")
        # within an array the grammar takes a call for a name and a pair of parentheses
        is_call = source[node.end_byte : node.end_byte + 1] == b"("
        is_metadata = parent.type.startswith("metadata")
        if not (is_name or is_key or is_parameter or is_call or is_metadata or _in_decorator(node)):
            yield text_of(node), node


def _local_names(node: Node) -> set[str]:
    """Return the names that loops and lambdas around a node bring."""
    names: set[str] = set()
    around = node.parent
    while around is not None:
        if around.type == "lambda_expression":
            names.add(text_of(around.named_children[0]))
        if around.type == "for_statement":
            variable = around.named_children[0]
            names |= {text_of(each) for each in walk(variable) if not each.children}
        around = around.parent
    return names


def _in_decorator(node: Node) -> bool:
    around = node.parent
    while around is not None:
        if around.type == "decorators":
            return True
        around = around.parent
    return False
