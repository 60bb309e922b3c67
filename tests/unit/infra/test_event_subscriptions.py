"""The event subscriptions deliver what the app handles, all of it, and give up as late as Event Grid lets them."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from shared import events
from tests.support.bicep import Expression, template
from tests.support.bicep_rules import objects

SUBSCRIPTIONS = {
    "events/system-topic-subscription.bicep": "Microsoft.EventGrid/systemTopics/eventSubscriptions",
    "events/custom-topic-subscription.bicep": "Microsoft.EventGrid/topics/eventSubscriptions",
}


def modules() -> Mapping[str, Any]:
    """Return the parameters of each event subscription of events.bicep, by its symbol."""
    return {name: module.value["params"] for name, module in template("events.bicep").of("module").items()}


def properties(name: str) -> Mapping[str, Any]:
    """Return the properties of the event subscription that a template makes."""
    (found,) = template(name).resources(SUBSCRIPTIONS[name])
    return found.value["properties"]


def test_the_types_that_are_subscribed_to_are_those_that_are_handled() -> None:
    """No type is subscribed to in vain, and none that the code knows is missing."""
    handled = set(vars(events)["_TYPES"])
    types = [kind for params in modules().values() for kind in params["eventTypes"]]
    assert len(types) == len(set(types))
    assert {kind.lower() for kind in types} == handled


def test_of_a_subscription_only_regenerated_keys_are_let_through() -> None:
    """The filter is on the operation that the code looks for; another topic needs none."""
    (wanted,) = modules()["regenerations"]["advancedFilters"]
    assert wanted["operatorType"] == "StringIn"
    assert wanted["key"] == "data.operationName"
    assert [value.lower() for value in wanted["values"]] == [vars(events)["_REGENERATE_KEY"]]
    assert "advancedFilters" not in modules()["expiry"]


@pytest.mark.parametrize("name", SUBSCRIPTIONS)
def test_an_event_is_tried_for_a_day(name: str) -> None:
    """Retries go to Event Grid's own limits, one event at a time, to the function on_event."""
    made = properties(name)
    assert made["retryPolicy"] == {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440}
    assert made["destination"]["endpointType"] == "AzureFunction"
    assert made["destination"]["properties"]["maxEventsPerBatch"] == 1
    assert made["filter"]["includedEventTypes"] == "eventTypes"
    assert template("events.bicep").of("var")["functionId"].value == "${functionAppId}/functions/on_event"


@pytest.mark.parametrize("name", SUBSCRIPTIONS)
def test_dead_letters_are_written_by_identity(name: str) -> None:
    """What is given up lands in the container, by the identity of the topic and no key."""
    (made,) = template(name).resources(SUBSCRIPTIONS[name])
    (dead_letters,) = objects(made, "deadLetterWithResourceIdentity")
    assert dead_letters == {
        "identity": {"type": "SystemAssigned"},
        "deadLetterDestination": {
            "endpointType": "StorageBlob",
            "properties": {"resourceId": "deadLetterAccountId", "blobContainerName": "deadLetterContainer"},
        },
    }


@pytest.mark.parametrize(
    ("name", "type_", "identity", "metric"),
    [
        (
            "events/system-topic.bicep",
            "Microsoft.EventGrid/systemTopics",
            Expression("hasIdentity ? {\n    type: 'SystemAssigned'\n  } : null"),
            Expression("hasIdentity ? 'DeadLetteredCount' : 'DroppedEventCount'"),
        ),
        ("events/custom-topic.bicep", "Microsoft.EventGrid/topics", {"type": "SystemAssigned"}, "DeadLetteredCount"),
    ],
)
def test_a_topic_has_the_identity_and_the_alert(name: str, type_: str, identity: object, metric: str) -> None:
    """Every topic that is made tells of events that were given up, and writes them down if it can have an identity."""
    (topic,) = template(name).resources(type_)
    assert topic.value["identity"] == identity
    alert = template(name).of("module")["alert"].value["params"]
    assert (alert["topicResourceType"], alert["metricName"]) == (type_, metric)


def test_a_topic_of_a_subscription_has_no_identity() -> None:
    """Event Grid refuses one to a topic that lies in no region, so there are no dead letters of such a topic."""
    assert template("events/system-topic.bicep").of("var")["hasIdentity"].value == "location != 'global'"
    made = template("access.bicep").of("module")
    assert made["subscriptionTopics"].value["params"]["location"] == "global"
    assert made["vaultTopic"].value["params"]["location"] == "vaultAccess.outputs.vaultLocation"
    assert not {"deadLetterAccountId", "deadLetterContainer"} & set(modules()["regenerations"])


def test_subscriptions_that_are_not_watched_have_neither_kind_of_topic() -> None:
    """WATCH_SUBSCRIPTIONS=false subscribes to no topic of a subscription, to one that is there already neither."""
    for name in ("givenTopicIds", "topiclessSubscriptions"):
        assert "watchSubscriptions == 'true' && " in template("access.bicep").of("var")[name].text


def test_each_topic_with_an_identity_is_let_into_the_container() -> None:
    """For each module that makes a topic in a region there is one that gives its identity the right."""
    found = {**template("main.bicep").of("module"), **template("access.bicep").of("module")}
    topics = {name for name, module in found.items() if module.target.endswith("-topic.bicep")}
    let_in = {
        re.findall(r"(\w+)!\.outputs\.principalId", str(module.value["params"]["principalId"]))[0]
        for module in found.values()
        if module.target == "events/dead-letter-access.bicep"
    }
    assert topics - {"subscriptionTopics"} == let_in == {"customTopic", "vaultTopic"}


def test_custom_events_are_cloudevents_from_end_to_end() -> None:
    """The topic takes CloudEvents, which Event Grid delivers as nothing else."""
    (topic,) = template("events/custom-topic.bicep").resources("Microsoft.EventGrid/topics")
    assert topic.value["properties"]["inputSchema"] == "CloudEventSchemaV1_0"
    assert properties("events/custom-topic-subscription.bicep")["eventDeliverySchema"] == "CloudEventSchemaV1_0"
