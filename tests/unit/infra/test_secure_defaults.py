"""Everything that is deployed is closed but for what has to be open."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.bicep import Bicep, Declaration, Expression, parse, template

type Row = tuple[str, str, str, Any]
DEFAULTS: Sequence[Row] = (
    ("app/storage.bicep", "account", "properties.allowSharedKeyAccess", False),
    ("app/storage.bicep", "account", "properties.allowBlobPublicAccess", False),
    ("app/storage.bicep", "account", "properties.allowCrossTenantReplication", False),
    ("app/storage.bicep", "account", "properties.supportsHttpsTrafficOnly", True),
    ("app/storage.bicep", "account", "properties.minimumTlsVersion", "TLS1_2"),
    ("app/storage.bicep", "account", "properties.networkAcls.defaultAction", "isPrivate ? 'Deny' : 'Allow'"),
    ("app/storage.bicep", "packages", "properties.publicAccess", "None"),
    ("app/storage.bicep", "deadLetters", "properties.publicAccess", "None"),
    ("app/key-vault.bicep", "vault", "properties.enableRbacAuthorization", True),
    ("app/key-vault.bicep", "vault", "properties.enableSoftDelete", True),
    ("app/key-vault.bicep", "vault", "properties.enablePurgeProtection", True),
    ("app/key-vault.bicep", "vault", "properties.publicNetworkAccess", "isPrivate ? 'Disabled' : 'Enabled'"),
    ("app/function-app.bicep", "app", "properties.httpsOnly", True),
    ("app/function-app.bicep", "app", "properties.siteConfig.minTlsVersion", "1.2"),
    ("app/function-app.bicep", "app", "properties.siteConfig.scmMinTlsVersion", "1.2"),
    ("app/function-app.bicep", "app", "identity.type", "UserAssigned"),
    (
        "app/function-app.bicep",
        "app",
        "properties.functionAppConfig.deployment.storage.authentication.type",
        "UserAssignedIdentity",
    ),
    ("app/function-app.bicep", "app", "properties.functionAppConfig.runtime", {"name": "python", "version": "3.13"}),
    ("app/function-app.bicep", "plan", "sku.name", "FC1"),
    ("app/function-app.bicep", "ftpCredentials", "properties.allow", False),
    ("app/function-app.bicep", "scmCredentials", "properties.allow", False),
    ("app/function-app.bicep", "ftpCredentials", "location", Expression("location")),
    ("app/function-app.bicep", "scmCredentials", "location", Expression("location")),
    ("monitoring/monitoring.bicep", "workspace", "properties.features.disableLocalAuth", True),
    ("monitoring/monitoring.bicep", "applicationInsights", "properties.DisableLocalAuth", True),
    ("events/custom-topic.bicep", "topic", "properties.disableLocalAuth", True),
    ("events/custom-topic.bicep", "topic", "properties.minimumTlsVersionAllowed", "1.2"),
)


def resource(file: Bicep, symbol: str) -> Declaration:
    """Return the resource of that symbol."""
    return next(each for each in file.declarations if each.kind == "resource" and each.name == symbol)


def at(value: Any, path: str) -> Any:
    """Return what stands at a dotted path in nested objects, or None."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return value  # pyright: ignore[reportUnknownVariableType]


@pytest.mark.parametrize(("name", "symbol", "path", "expected"), DEFAULTS, ids=lambda each: str(each)[:40])
def test_a_default_is_the_secure_one(name: str, symbol: str, path: str, expected: Any) -> None:
    """The property is there, and has the value that closes the door."""
    assert at(resource(template(name), symbol).value, path) == expected


def test_the_app_has_a_way_out_of_its_network() -> None:
    """ARM and the data plane have public endpoints, which a private subnet without a gateway would not reach."""
    (network,) = template("network/network.bicep").resources("Microsoft.Network/virtualNetworks")
    ways = {
        each["name"]: at(each, "properties.defaultOutboundAccess") for each in at(network.value, "properties.subnets")
    }
    assert ways == {"app": True, "private-endpoints": None}


def test_flex_consumption_takes_what_the_site_is_given() -> None:
    """The site's configuration names nothing that ARM refuses for this plan; FTP is closed by its policy alone."""
    site_config = at(resource(template("app/function-app.bicep"), "app").value, "properties.siteConfig")
    # https://github.com/Azure/terraform-azurerm-avm-res-web-site/pull/345 lists what is refused, with ARM's own words
    assert set(site_config) <= {"http20Enabled", "minTlsVersion", "scmMinTlsVersion"}


def test_an_open_door_would_be_seen() -> None:
    """A property that is missing, or says the opposite, is another value than the expected one."""
    planted = resource(parse("resource a 'A.B/c@2024-01-01' = {\n  properties: {\n    httpsOnly: false\n  }\n}\n"), "a")
    assert at(planted.value, "properties.httpsOnly") is False
    assert at(planted.value, "properties.minTlsVersion") is None
    assert at(planted.value, "properties.httpsOnly.deeper") is None


def test_private_endpoints_lead_to_each_service_that_is_used() -> None:
    """With a virtual network, each kind of storage that the host and Durable Functions use has an endpoint, and so
    has the vault; the app is made after them."""
    main, access = (template(name).of("module") for name in ("main.bicep", "network/private-access.bicep"))
    assert "for service in ['blob', 'queue', 'table']:" in access["storageEndpoints"].text
    assert access["vaultEndpoint"].value["params"]["service"] == "vault"
    assert "if (vnetEnabled)" in main["privateAccess"].text
    assert main["functionApp"].value["params"]["subnetId"] == "vnetEnabled ? privateAccess!.outputs.appSubnetId : ''"
    for name in ("storage", "vault"):
        assert main[name].value["params"]["isPrivate"] == "vnetEnabled"
