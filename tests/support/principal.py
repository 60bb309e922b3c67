"""The headers by which App Service tells an app who calls."""

import base64
import json


def principal_headers(*roles: str) -> dict[str, str]:
    """Return the X-MS-CLIENT-PRINCIPAL headers of a service principal with these app roles.

    https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
    """
    principal = {
        "auth_typ": "aad",
        "claims": [{"typ": "roles", "val": role} for role in roles] + [{"typ": "appid", "val": "app"}],
        "name_typ": "name",
        "role_typ": "roles",
    }
    return {
        "X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(principal).encode()).decode(),
        "X-MS-CLIENT-PRINCIPAL-ID": "00001111-aaaa-2222-bbbb-3333cccc4444",
        "X-MS-CLIENT-PRINCIPAL-NAME": "key-bot",
    }
