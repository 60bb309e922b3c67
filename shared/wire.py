"""The limits and patterns of the wire that several modules and the API's description share (pure).

The patterns are for `fullmatch`. They spell their letters out: `\\w` has foreign ones, and not in every language.
"""

import re

LARGEST_BODY = 4 * 1024
LONGEST_REASON = 200

# what ARM calls an api-version
API_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:-[A-Za-z]{1,16})?", re.ASCII)
# what may go back into a response header and into a log line as it came
CLIENT_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)
ROTATION_ID = re.compile(r"[0-9A-Za-z-]{1,100}", re.ASCII)
FINGERPRINT = re.compile(r"sha256:[0-9a-f]{16}", re.ASCII)
# RFC 9562
UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)

# What a part of an ARM id may be. The page of the operation gives `^[-\w]+$` for the name and a UUID for the
# subscription; lengths and the group's pattern are ARM's:
# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
# ASCII only: a homoglyph is another name, and ARM has none.
SUBSCRIPTION_ID = UUID
RESOURCE_GROUP = re.compile(r"[-A-Za-z0-9_.()]{0,89}[-A-Za-z0-9_()]", re.ASCII)
RESOURCE_NAME = re.compile(r"[-A-Za-z0-9_]{1,63}", re.ASCII)
