"""The Event that says what is wrong with a ConfigMap: one of all nodes makes it, once."""

import asyncio
import random
from collections import Counter
from contextlib import suppress

import pytest
from tests.kube.api_server.faults import Action, Fault
from tests.kube.api_server.kinds import EVENT, Object
from tests.kube.api_server.server import ApiServer
from tests.kube.link import Link
from tests.kube.told import BAD, GOOD, UID, Node, Teller, now, present
from tests.kube.virtual_time import play

from wayhome.agent.complaints import AT_ONCE, complaint_of
from wayhome.agent.holding import Basis, Held
from wayhome.agent.reading import Missing, Present, Reading, Unreadable, Wrong
from wayhome.kube.event_objects import LONGEST_MESSAGE, event_name, rejected_event
from wayhome.kube.objects import ObjectVersion
from wayhome.policy import Finding, Settings, Severity
from wayhome.policy.configuration import defaults

ABOUT = ObjectVersion("kube-system", "ip-masq-agent", UID, "8")


def events(server: ApiServer) -> list[Object]:
    return server.store.all(EVENT)


async def nodes(
    server: ApiServer, readings: list[Reading], number: int = 1, pause: float = 2.0
) -> list[Teller]:
    """What comes of some nodes that read the same, one reading after the other."""
    link, found = Link(server), [Node(f"node-{each}") for each in range(number)]
    draws = random.Random(5)
    tellers = [Teller(link, node, nodes=number, draws=draws) for node in found]
    tasks = [asyncio.ensure_future(each.complaints.run()) for each in tellers]
    for reading in readings:
        for node in found:
            node.reads(reading)
        await asyncio.sleep(pause)
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return tellers


def test_it_says_what_is_wrong_where_and_what_to_write() -> None:
    server = ApiServer()
    play(nodes(server, [present(BAD, "8")]))
    (event,) = events(server)
    assert event["type"] == "Warning"
    assert event["reason"] == "Rejected"
    assert event["message"].startswith("line 2: 10.0.0.1/8 has bits set")
    assert "10.0.0.0/8" in event["message"]
    assert event["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "namespace": "kube-system",
        "name": "ip-masq-agent",
        "uid": UID,
        "resourceVersion": "8",
    }
    assert event["source"] == {"component": "wayhome-agent", "host": "node-0"}
    assert event["count"] == 1


@pytest.mark.parametrize(
    "readings",
    [
        [present(GOOD, "8")],
        [Missing("there is none")],
        [Unreadable("the API is down")],
        [Present(BAD)],  # a file
    ],
)
def test_nothing_is_said_of_what_is_fine_or_no_object(readings: list[Reading]) -> None:
    server = ApiServer()
    play(nodes(server, readings))
    assert server.calls == []


def test_a_configmap_without_its_key_is_complained_of() -> None:
    server = ApiServer()
    finding = Finding(Severity.ERROR, None, "ConfigMap kube-system/ip-masq-agent holds no data", "write one")  # fmt: skip
    play(nodes(server, [Wrong((finding,), "8", (ABOUT,))]))
    (event,) = events(server)
    assert event["message"] == "ConfigMap kube-system/ip-masq-agent holds no data; write one"


def test_of_many_nodes_one_makes_it_and_the_others_stop_at_409() -> None:
    server = ApiServer()
    tellers = play(nodes(server, [present(BAD, "8")] * 3, number=400, pause=3.0))
    assert len(events(server)) == 1
    assert Counter(call.code for call in server.calls) == {201: 1, 409: 399}
    times = [call.at - server.calls[0].at for call in server.calls]
    assert 1.5 < max(times) <= 2.0  # 400 / 200
    assert sum(each.told.events["created"] for each in tellers) == 1
    assert not any(each.log for each in tellers)


def test_each_version_and_each_error_is_said_once() -> None:
    server = ApiServer()
    again = [present(BAD, "8"), present(GOOD, "9"), present(BAD, "8")]
    play(nodes(server, [*again, present(BAD, "10"), present(b"nonMasqueradeCIDRs: 7\n", "10")]))
    assert len(events(server)) == 3
    assert len(server.calls) == 3


def test_a_wrong_configmap_that_changes_every_second_is_complained_of_once_a_minute() -> None:
    server = ApiServer()
    versions = range(8, 608)
    play(nodes(server, [present(BAD, str(version)) for version in versions], pause=1.0))
    assert AT_ONCE + 8 <= len(events(server)) <= AT_ONCE + 10
    told = [int(event["involvedObject"]["resourceVersion"]) for event in events(server)]
    assert max(told) > 540  # the newest, and not those that queue


def test_what_is_mended_during_the_pause_is_not_said() -> None:
    async def scenario() -> None:
        node = Node()
        teller = Teller(Link(server), node, nodes=20_000, draws=random.Random(5))
        task = asyncio.ensure_future(teller.complaints.run())
        node.reads(present(BAD, "8"))
        await asyncio.sleep(0.1)
        node.reads(present(GOOD, "9"))
        await asyncio.sleep(200)
        task.cancel()

    server = ApiServer()
    play(scenario())
    assert server.calls == []


def test_a_refused_right_is_said_once_and_not_tried_again() -> None:
    server = ApiServer()
    server.faults.add(Fault(Action.ANSWER, "create", "events", times=-1, code=403))
    (teller,) = play(nodes(server, [present(BAD, "8"), present(BAD, "9")], pause=600.0))
    assert len(server.calls) == 2
    (line,) = teller.log
    assert "has to grant create of events" in line["message"]
    assert teller.told.events == {"created": 0, "existed": 0, "failed": 2}


def test_an_api_that_is_down_is_asked_again() -> None:
    server = ApiServer()
    server.faults.add(Fault(Action.CLOSE, "create", "events", times=4))
    (teller,) = play(nodes(server, [present(BAD, "8")], pause=600.0))
    assert len(events(server)) == 1
    assert len(server.calls) == 5
    assert len(teller.log) == 1


def test_a_failure_is_said_again_once_one_event_could_be_made_in_between() -> None:
    server = ApiServer()

    def refused(code: int) -> None:
        server.faults.add(Fault(Action.ANSWER, "create", "events", code=code))

    async def scenario() -> Teller:
        node = Node()
        teller = Teller(Link(server), node, draws=random.Random(5))
        task = asyncio.ensure_future(teller.complaints.run())
        for version, code in enumerate((403, 403, None, 403), 8):
            if code:
                refused(code)
            node.reads(present(BAD, str(version)))
            await asyncio.sleep(600)
        task.cancel()
        return teller

    teller = play(scenario())
    assert teller.told.events == {"created": 1, "existed": 0, "failed": 3}
    assert len(teller.log) == 2


def test_of_several_configmaps_the_wrong_one_is_named() -> None:
    first = ObjectVersion("kube-system", "first", "u1", "1")
    second = ObjectVersion("kube-system", "second", "u2", "2")
    for finding in (
        Finding(Severity.ERROR, 3, "is wrong", "write", "kube-system/second"),
        Finding(Severity.ERROR, None, "ConfigMap kube-system/second holds no data", "write"),
    ):
        held = Held(
            defaults(Settings()), Basis.DEFAULTS, rejected=(finding,), objects=(first, second)
        )
        complaint = complaint_of(held)
        assert complaint
        assert complaint.about == second


def test_the_name_is_that_of_what_it_says() -> None:
    name = event_name(ABOUT, "one")
    assert name == event_name(ABOUT, "one")
    assert name.startswith("ip-masq-agent.")
    others = [
        event_name(ABOUT, "two"),
        event_name(ObjectVersion("kube-system", "ip-masq-agent", UID, "9"), "one"),
        event_name(ObjectVersion("kube-system", "ip-masq-agent", "other", "8"), "one"),
    ]
    assert len({name, *others}) == 4
    long = ObjectVersion("kube-system", "x" * 235 + "." + "y" * 17, UID, "8")
    assert len(event_name(long, "one")) <= 253
    assert ".." not in event_name(long, "one")


def test_a_message_has_at_most_what_the_api_takes() -> None:
    event = rejected_event(ABOUT, "\x1b" + "x" * 5000, node="", pod="", now=now())
    assert len(event["message"]) == LONGEST_MESSAGE
    assert event["message"].isprintable()
