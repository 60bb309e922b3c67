"""`python -m shared.openapi >docs/openapi.json`: print the document as it is kept in docs/."""

import json
import sys

from shared.openapi.operations import document

if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=2) + "\n")
