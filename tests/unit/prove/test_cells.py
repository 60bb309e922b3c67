"""The cells of the fault matrix: what is derived from a healthy run, and the rules that make a cell."""

from typing import Any

from prove.cells import Call, Cell, calls, cells, steps, token_refused
from prove.fault_kinds import FaultKind, kinds_of_call, kinds_of_service, kinds_of_step


def _entry(service: str, operation: str | None, *, status: int | None = 200, effect: bool = False) -> dict[str, Any]:
    return {"service": service, "operation": operation, "status": status, "effect": effect}


def test_requests_are_numbered_within_their_operation() -> None:
    """What names no operation, and what only asked for a challenge, is no call; the rest keeps its order."""
    journal = [
        _entry("keyvault", "getSecret", status=401),
        _entry("keyvault", "getSecret"),
        _entry("arm", None),
        _entry("arm", "regenerateKey", effect=True),
        _entry("keyvault", "getSecret", status=None),
    ]
    assert calls(journal) == [
        Call("keyvault", "getSecret", 1),
        Call("arm", "regenerateKey", 1, changes=True),
        Call("keyvault", "getSecret", 2),
    ]


def test_activities_are_numbered_within_their_name() -> None:
    """They are counted over all orchestrations; other events of a history are none."""
    taken = {"type": "TaskScheduled", "name": "publish_key"}
    instances = [{"history": [taken, {"type": "TimerCreated"}]}, {"history": [taken]}]
    assert steps(instances) == [Call("durable", "publish_key", 1), Call("durable", "publish_key", 2)]


def test_a_rule_begins_at_its_call_and_ends_with_it_or_never() -> None:
    """`skip` lets the calls before go by; once is `times` 1, for ever has none."""
    kind = FaultKind("503", {"status": 503})
    third = Call("arm", "listKeys", 3)
    rule = {"service": "arm", "operation": "listKeys", "skip": 2, "status": 503}
    assert Cell("rotation", third, kind, for_ever=False).rules() == [rule | {"times": 1}]
    assert Cell("rotation", third, kind, for_ever=True).rules() == [rule]
    first = Cell("rotation", Call("arm", "*", 0), FaultKind("tls", {"tls": True}), for_ever=True).rules()
    assert first == [{"service": "arm", "operation": "*", "tls": True}]


def test_a_fault_of_the_identity_comes_with_a_refused_token() -> None:
    """Or the app would never ask; a synchronous regenerate has met ARM's refusal before."""
    cell = Cell("rotation", Call("identity", "token", 2), FaultKind("500", {"status": 500}), for_ever=False)
    assert [each["service"] for each in cell.rules()] == ["arm", "keyvault", "identity"]
    assert [each["service"] for each in token_refused("forced regenerate")] == ["keyvault"]


def test_every_call_meets_every_fault_of_the_contract_once_and_for_ever() -> None:
    """A read, a change, a token, a service's connections and an activity each meet what can befall them."""
    read, change = Call("arm", "listKeys", 1), Call("arm", "regenerateKey", 1, changes=True)
    token, step = Call("identity", "token", 1), Call("durable", "prove_alive", 1)
    found = list(cells("rotation", [read, change], [token], [step]))
    assert len(set(map(str, found))) == len(found)

    def of(call: Call, *, for_ever: bool) -> set[str]:
        return {each.kind.name for each in found if each.call == call and each.for_ever is for_ever}

    statuses = {"403", "404", "409", "429", "500", "503"}
    bodies = {"body truncated", "body invalid"}
    assert of(read, for_ever=False) == {*statuses, *bodies, "delay", "disconnect"}
    assert of(read, for_ever=True) == {*statuses, *bodies, "disconnect"}
    after = {f"{each} after the effect" for each in ("500", "503", "delay", "disconnect")}
    assert of(change, for_ever=False) == of(read, for_ever=False) | after
    assert of(token, for_ever=False) == of(read, for_ever=False) | {"expired token"}
    assert of(Call("arm", "*", 0), for_ever=True) == {"refuse", "tls"}
    assert of(Call("identity", "*", 0), for_ever=False) == {"refuse"}
    assert of(step, for_ever=False) == {"rerun now", "rerun 1 s later", "rerun 4 s later"}
    assert of(step, for_ever=True) == set()


def test_faults_that_pass_are_those_that_are_worth_another_attempt() -> None:
    """Denials and refusals end what they befall; Key Vault's 409 is no refusal."""
    lasting = {each.name for each in kinds_of_call("arm", changes=True) if not each.passes}
    assert lasting == {"403", "404", "409"}
    assert {each.name for each in kinds_of_call("keyvault", changes=True) if not each.passes} == {"403", "404"}
    assert all(each.passes for each in (*kinds_of_service("arm"), *kinds_of_step()))
    assert not [each for each in kinds_of_call("eventgrid", changes=True) if "body" in each.effect]
