"""The names of all telemetry: attributes, spans and metrics (pure); docs/telemetry.md lists them for who reads them.

Where OpenTelemetry's semantic conventions have a name it is theirs, else it is in the namespace `acs`:
https://opentelemetry.io/docs/specs/semconv/general/naming/
"""

from dataclasses import dataclass
from enum import StrEnum

SCOPE = "acs-key-rotation"


class Attribute(StrEnum):
    """Every attribute that a span, a metric or an audit record may carry: what is not here cannot be told.

    `RESOURCE_ID` is not `cloud.resource_id`: by the conventions that is the function app itself.
    """

    # of OpenTelemetry; Azure Monitor takes the type of a call from the first, its target from the second, and shows of
    # a span none of the others but those of the event: hence ERROR_CODE and STATUS below
    NAMESPACE = "az.namespace"
    PEER = "peer.service"
    ERROR_TYPE = "error.type"
    EVENT_ID = "cloudevents.event_id"
    EVENT_SOURCE = "cloudevents.event_source"
    EVENT_SUBJECT = "cloudevents.event_subject"
    EVENT_TYPE = "cloudevents.event_type"
    METHOD = "http.request.method"
    SERVER_ADDRESS = "server.address"
    STATUS_CODE = "http.response.status_code"
    # of this app
    ACTION = "acs.action"
    CALLER_ID = "acs.caller.id"
    CALLER_KIND = "acs.caller.kind"
    CALLER_NAME = "acs.caller.name"
    CLIENT_REQUEST_ID = "acs.client_request.id"
    ERROR_CODE = "acs.error.code"
    FINGERPRINT = "acs.fingerprint"
    KEY_TYPE = "acs.key_type"
    OPERATION = "acs.operation"
    OUTCOME = "acs.outcome"
    PLAN = "acs.plan"
    PROOF = "acs.proof"
    REASON = "acs.reason"
    REGENERATED_BY = "acs.regenerated_by"
    REPAIRS = "acs.reconcile.repairs"
    REQUEST_ID = "acs.request.id"
    RESOURCES = "acs.reconcile.resources"
    RESOURCES_FAILED = "acs.reconcile.failed"
    RESOURCE_ID = "acs.resource_id"
    REVOCATION_AT = "acs.revocation.at"
    REVOCATION_STATUS = "acs.revocation.status"
    ROTATIONS = "acs.reconcile.rotations"
    ROTATION_ID = "acs.rotation.id"
    STATUS = "acs.status_code"
    TRIGGER = "acs.trigger"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; the unit is in UCUM, an annotation in braces for what is merely counted.

    `bounds` are the upper ends of a histogram's buckets.
    """

    name: str
    unit: str
    description: str
    bounds: tuple[float, ...] = ()


KEYS_REGENERATED = Metric(
    "acs.keys.regenerated", "{regeneration}", "Attempts to regenerate a key, by what has become of the key."
)
ROTATIONS = Metric("acs.rotations", "{rotation}", "Rotations, regenerations under the guard and repairs that ended.")
REVOCATIONS = Metric("acs.revocations", "{revocation}", "Revocations of an old key that ended.")
KEY_AGE = Metric("acs.key.age", "s", "For how long a live key has been published in Key Vault.")
DELIVERY_DURATION = Metric(
    "acs.delivery.duration",
    "s",
    "From the regeneration of a key until every secret of the resource publishes the new one.",
    # proving a new key takes a second or two, and minutes where Azure is slow to spread it
    bounds=(0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600),
)
REVOCATION_OVERDUE = Metric(
    "acs.revocation.overdue", "s", "For how long an old key has been alive that should have been revoked."
)
METRICS = (KEYS_REGENERATED, ROTATIONS, REVOCATIONS, KEY_AGE, DELIVERY_DURATION, REVOCATION_OVERDUE)
