"""Who may call the emulated Key Vault."""

import time

from emulator.cloud import key_vault_errors
from emulator.cloud.defaults import Identity
from emulator.cloud.tokens import Tokens


def authenticate(tokens: Tokens, authorization: str | None) -> Identity:
    """Return who sent the header; raises KeyVaultError 401, which carries the challenge.

    Texts: AKV10000 as recorded in Azure/azure-sdk-for-js, AKV10022 as quoted in public walkthroughs of managed
    identities, TokenExpired as in those of confidential containers; the one for a token from nowhere is ours.
    """
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not value:
        raise key_vault_errors.unauthorized("AKV10000: Request is missing a Bearer or PoP token.")
    token = tokens.find(value.strip())
    if token is None:
        raise key_vault_errors.unauthorized("The access token is invalid.")
    if time.time() >= token.valid_until:
        raise key_vault_errors.unauthorized("[TokenExpired] Error validating token: 'S2S12086'.")
    if token.audience != key_vault_errors.RESOURCE:
        raise key_vault_errors.unauthorized(
            f"AKV10022: Invalid audience. Expected {key_vault_errors.RESOURCE}, found: {token.audience}."
        )
    return token.identity
