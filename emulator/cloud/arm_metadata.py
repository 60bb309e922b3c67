"""ARM's `GET /metadata/endpoints`: how clients of a registered cloud find its parts. Needs no token."""

from emulator.cloud.arm_errors import invalid_api_version, missing_api_version
from emulator.cloud.defaults import TENANT_ID
from emulator.cloud.exchange import Reply

_OLD = "2015-01-01"
# The list of clouds; Azure/azure-cli asks with 2019-05-01, azure-core-management (Java) with 2019-10-01.
_LISTS = ("2019-05-01", "2019-10-01", "2020-06-01")
# One cloud, the one asked; hashicorp/go-azure-sdk and Azure/azure-cli (newer) read this.
_SINGLES = ("2022-09-01", "2023-11-01")
_SUPPORTED = (_OLD, *_LISTS, *_SINGLES)
_LOGIN = "https://login.microsoftonline.com"
_AUDIENCES = ["https://management.core.windows.net/", "https://management.azure.com/"]


def endpoints(api_version: str | None, arm_url: str) -> Reply:
    """Return the endpoints in the shape of that api-version; raises ArmError for an unknown one.

    Everything but ARM itself is the public cloud's: a name there is never asked by the app, and a client refuses
    to register a cloud whose names are missing.
    """
    if api_version is None:
        raise missing_api_version()
    if api_version == _OLD:
        return Reply(
            200,
            {
                "galleryEndpoint": "https://gallery.azure.com/",
                "graphEndpoint": "https://graph.windows.net/",
                "portalEndpoint": "https://portal.azure.com/",
                "authentication": {"loginEndpoint": f"{_LOGIN}/", "audiences": [*_AUDIENCES, f"{arm_url}/"]},
            },
        )
    if api_version in _LISTS:
        return Reply(200, [_cloud(arm_url)])
    if api_version in _SINGLES:
        return Reply(200, _cloud(arm_url))
    raise invalid_api_version(api_version, _SUPPORTED)


def _cloud(arm_url: str) -> dict[str, object]:
    return {
        "name": "EmulatedAzure",
        "portal": "https://portal.azure.com",
        "authentication": {
            "loginEndpoint": _LOGIN,
            "audiences": [*_AUDIENCES, f"{arm_url}/"],
            "tenant": TENANT_ID,
            "identityProvider": "AAD",
        },
        "media": "https://rest.media.azure.net",
        "graphAudience": "https://graph.windows.net/",
        "graph": "https://graph.windows.net/",
        "microsoftGraphResourceId": "https://graph.microsoft.com/",
        "gallery": "https://gallery.azure.com/",
        "batch": "https://batch.core.windows.net/",
        "activeDirectoryDataLake": "https://datalake.azure.net/",
        "sqlManagement": f"{arm_url}/",
        "vmImageAliasDoc": "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/arm-compute/quickstart-templates/aliases.json",
        "resourceManager": f"{arm_url}/",
        "suffixes": {
            "acrLoginServer": "azurecr.io",
            "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
            "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
            "azureFrontDoorEndpointSuffix": "azurefd.net",
            "keyVaultDns": "vault.azure.net",
            "mhsmDns": "managedhsm.azure.net",
            "mariadbServerEndpoint": "mariadb.database.azure.com",
            "mysqlServerEndpoint": "mysql.database.azure.com",
            "postgresqlServerEndpoint": "postgres.database.azure.com",
            "sqlServerHostname": "database.windows.net",
            "storage": "core.windows.net",
            "storageSyncEndpointSuffix": "afs.azure.net",
            "synapseAnalytics": "dev.azuresynapse.net",
        },
    }
