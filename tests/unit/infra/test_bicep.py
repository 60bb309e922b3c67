"""The templates hold together: syntax, symbols, modules and API versions; and each check sees a planted fault."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.support import bicep_rules as rules
from tests.support import bicep_symbols as symbols
from tests.support.bicep import INFRA, Bicep, parse, template, templates, text_of

TODAY = datetime.now(UTC).date()
# types whose newest version is an old one, or a preview
NOTHING_NEWER = {
    "Microsoft.Insights/components",
    "Microsoft.Insights/diagnosticSettings",
    "Microsoft.Insights/metricAlerts",
}
TOP = ("main.bicep", "access.bicep", "events.bicep")
ALERT = "module a 'monitoring/undelivered-alert.bicep' = {\n  name: 'a'\n  params: {\n    PARAMS\n  }\n}\n"
WHOLE = "topicName: 'a'\ntopicId: 'b'\ntopicResourceType: 'c'\nmetricName: 'd'\ntags: {}\nactionGroupId: ''"

type Rule = Callable[[Bicep], list[str]]
RULES: tuple[Rule, ...] = (
    rules.syntax_errors,
    rules.undescribed,
    symbols.unused,
    symbols.undeclared,
    rules.wrong_modules,
    rules.remote_modules,
    rules.leaking_outputs,
    rules.secrets_asked_for,
)
FAULTS: tuple[tuple[Rule, str], ...] = (
    (rules.syntax_errors, "var a = {\n  b: 1\n"),
    (rules.syntax_errors, "var a = [1\n"),
    (rules.syntax_errors, "resource a 'A.B/c@2024-01-01' == {\n}\n"),
    (rules.undescribed, "param a string\noutput b string = a\n"),
    (rules.undescribed, "@description('')\nparam a string\n"),
    (symbols.unused, "@description('It.')\nparam a string = ''\n"),
    (symbols.unused, "var a = 1\n"),
    (symbols.unused, "resource a 'A.B/c@2024-01-01' existing = {\n  name: 'a'\n}\n"),
    (symbols.undeclared, "output a string = b\n"),
    (symbols.undeclared, "output a string = 'x${b}'\n"),
    (symbols.undeclared, "var a = [1]\noutput b array = map(a, c => d)\n"),
    (symbols.undeclared, "resource a 'A.B/c@2024-01-01' = [\n  for b in [1]: {\n    name: c\n  }\n]\n"),
    (symbols.undeclared, "output a bool = emtpy('')\n"),
    (rules.wrong_modules, "module a 'app/no-such.bicep' = {\n  name: 'a'\n}\n"),
    (rules.wrong_modules, ALERT.replace("PARAMS", WHOLE.replace("tags: {}\n", ""))),
    (rules.wrong_modules, ALERT.replace("PARAMS", WHOLE + "\nother: 1")),
    (rules.wrong_modules, ALERT.replace("PARAMS", WHOLE) + "output b string = a.outputs.id\n"),
    (rules.remote_modules, "module a 'br/public:avm/res/web/site:0.1.0' = {\n  name: 'a'\n}\n"),
    (rules.leaking_outputs, "resource a 'A.B/c@2024-01-01' = {\n}\noutput b string = a.listKeys().key1\n"),
    (rules.leaking_outputs, "resource a 'A.B/c@2024-01-01' = {\n}\noutput b string = a.properties.ConnectionString\n"),
    (rules.leaking_outputs, "@secure()\noutput b string = 'a'\n"),
    (rules.secrets_asked_for, "var a = listKeys('b', '2024-01-01')\n"),
    (rules.secrets_asked_for, "resource a 'A.B/c@2024-01-01' = {\n}\nvar b = a.listSecrets().c\n"),
    (rules.secrets_asked_for, "resource a 'A.B/c@2024-01-01' = {\n}\nvar b = a.getSecret('c')\n"),
)


def test_there_are_templates() -> None:
    """The checks below look at something, at those that are deployed by themselves among others."""
    assert {INFRA / name for name in TOP} < {each.path for each in templates()}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("file", templates(), ids=lambda file: file.path.name)
def test_a_template_keeps_the_rule(file: Bicep, rule: Rule) -> None:
    """The template parses, and its symbols, modules and outputs are as they should be."""
    assert rule(file) == []


@pytest.mark.parametrize(("rule", "source"), FAULTS, ids=lambda each: getattr(each, "__name__", None))
def test_a_planted_fault_is_seen(rule: Rule, source: str) -> None:
    """Each rule tells of a template that breaks it."""
    assert rule(parse(source))


def test_every_rule_has_a_fault_planted() -> None:
    """No rule goes untried."""
    assert {rule for rule, _ in FAULTS} == set(RULES)


def test_api_versions_are_recent_and_the_same_everywhere() -> None:
    """A resource type has one API version, not older than five years, and no preview where there is anything else."""
    assert rules.wrong_types(templates(), TODAY, NOTHING_NEWER) == []


@pytest.mark.parametrize(
    "source",
    [
        "resource a 'Microsoft.Web/sites' = {\n}\n",
        "resource a 'Microsoft.Web/sites@2024-4-1' = {\n}\n",
        "resource a 'Microsoft.Web/sites@2015-08-01' = {\n}\n",
        "resource a 'Microsoft.Web/sites@2999-01-01' = {\n}\n",
        "resource a 'Microsoft.Web/sites@2025-01-01-preview' = {\n}\n",
        "resource a 'Microsoft.Web/sites@2024-04-01' = {\n}\nresource b 'Microsoft.Web/sites@2024-11-01' = {\n}\n",
        "resource a 'Microsoft.Web/sites@2024-04-01' = {\n  resource b 'config@2024-11-01' = {\n  }\n}\n",
    ],
)
def test_a_wrong_api_version_is_seen(source: str) -> None:
    """Malformed, old, future, preview, differing and repeated versions are told of."""
    assert rules.wrong_types([parse(source)], TODAY, NOTHING_NEWER)


def test_the_queries_of_the_alerts_are_there() -> None:
    """Every file that a template loads the text of exists, and holds a query."""
    loaded = [(file.path.parent / path).resolve() for file in templates() for path in rules.loaded_files(file)]
    assert {path.name for path in loaded} == {"failed-rotations.kql", "overdue-revocations.kql"}
    assert all("App" in path.read_text("utf-8") for path in loaded)


def test_a_template_of_a_subscription_says_so() -> None:
    """azd deploys main.bicep to a subscription, and its hooks the others."""
    for name in (*TOP, "access/custom-role.bicep"):
        assert "targetScope = 'subscription'" in text_of(template(name).root)


def test_what_azd_deploys_touches_its_own_group_alone() -> None:
    """azd down deletes whole every group that main.bicep has deployed to; so every module of it goes to the one group
    that it makes, and that is refused where a resource of somebody's is in it."""
    main = template("main.bicep")
    assert {str(module.value["scope"]) for module in main.of("module").values()} == {"group"}
    assert [each.name for each in main.declarations if each.kind == "resource"] == ["group"]
    assert main.of("resource")["group"].value["name"] == "groupName"
    assert "? fail('" in main.of("var")["groupName"].text
    assert "concat(resourceIds, empty(keyVaultId) ? [] : [keyVaultId])" in main.of("var")["othersGroups"].text
