"""What is known of the Node, and whose packets the rules are about then: any sequence of failures, in no time."""

import asyncio
import io
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.kube.api_server.faults import Action, Fault
from tests.kube.api_server.kinds import NODE
from tests.kube.api_server.server import ApiServer
from tests.kube.link import Link, access
from tests.kube.steps import write
from tests.kube.virtual_time import played

from wayhome.agent.logs import Format, Log
from wayhome.agent.node_watch import (
    FIRST_ANSWER_SECONDS,
    HOLD_SECONDS,
    NODE_SECONDS,
    NodeWatch,
    Scope,
    ranges_memory,
)
from wayhome.agent.worker import Worker
from wayhome.kernel import KernelError
from wayhome.kernel.pod_interfaces import PodAddress
from wayhome.kube.client import Client
from wayhome.prefixes import Prefix

RANGE = "10.244.1.0/24"
SCOPE = (Prefix.parse(RANGE),)
INSIDE = PodAddress(Prefix.parse("10.244.1.7/32"), "veth1")
OUTSIDE = PodAddress(Prefix.parse("192.168.5.7/32"), "cali1")


class AtOnce(Worker):
    """Does what it is given on the loop's thread: no time passes meanwhile."""

    def __init__(self) -> None:
        pass

    def run(self, call: Callable[[], Any]) -> "asyncio.Future[Any]":
        future = asyncio.get_running_loop().create_future()
        try:
            future.set_result(call())
        except KernelError as error:
            future.set_exception(error)
        return future


class Node:
    """A Node at a server, the Pods on it, and an agent that knows both."""

    def __init__(self, folder: Path | None = None, *, decides: bool = True) -> None:
        self.server = ApiServer()
        self.link = Link(self.server)
        self.folder = folder
        self.decides = decides
        self.pods: tuple[PodAddress, ...] | KernelError = (INSIDE,)
        self.stream = io.StringIO()
        self.verdicts: list[bool] = []

    def says(self, *ranges: str, **spec: object) -> None:
        write(self.server, NODE, "node-a", {"spec": {"podCIDRs": list(ranges), **spec}})

    def look(self) -> tuple[PodAddress, ...]:
        if isinstance(self.pods, KernelError):
            raise self.pods
        return self.pods

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[NodeWatch]:
        watch = NodeWatch(
            Client(access(), connect=self.link.connect),
            "node-a",
            ranges_memory(self.folder),
            AtOnce(),
            Log(Format.JSON, self.stream),
            decides=self.decides,
            look=self.look,
            random=random.Random(4).random,
            clock=asyncio.get_running_loop().time,
        )
        task = asyncio.ensure_future(
            watch.run(lambda: self.verdicts.append(watch.scope is not None))
        )
        await watch.known()
        yield watch
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    @property
    def log(self) -> list[tuple[str, str]]:
        lines = map(json.loads, self.stream.getvalue().splitlines())
        return [(line["event"], line["message"]) for line in lines]


def scope(watch: NodeWatch) -> Scope:
    """What it is now, which the type checker takes to be what it was."""
    return watch.scope


@played
async def test_right_ranges_are_the_scope() -> None:
    node = Node()
    node.says(RANGE, "fd00:1::/64")
    async with node.watched() as watch:
        assert scope(watch) == (*SCOPE, Prefix.parse("fd00:1::/64"))
        assert watch.refused == ""
        assert watch.uid
    assert [event for event, _ in node.log] == ["scope"]


@pytest.mark.parametrize(
    ("ranges", "spec", "pods", "reason"),
    [
        ((), {}, (), "has no spec.podCIDRs"),
        ((RANGE,), {}, (INSIDE, OUTSIDE), "192.168.5.7 is behind cali1"),
        ((RANGE,), {}, (PodAddress(Prefix.parse("10.244.0.0/16"), "cni0"),), "10.244.0.0/16 is behind cni0"),
        ((RANGE,), {}, (PodAddress(Prefix.parse("fd00:1::5/128"), "lxc1"),), "fd00:1::5 is behind lxc1"),
        (("10.244.1.0/240",), {}, (), "'10.244.1.0/240' in spec.podCIDRs, which is no range"),
        ((RANGE,), {}, KernelError("no right"), "which Pods are on this node is not known: no right"),
    ],
)  # fmt: skip
@played
async def test_wrong_ranges_are_refused_with_the_reason_and_the_cure(
    ranges: tuple[str, ...], spec: dict[str, object], pods: Any, reason: str
) -> None:
    node = Node()
    node.says(*ranges, **spec)
    node.pods = pods
    async with node.watched() as watch:
        assert scope(watch) is None
        assert reason in watch.refused
        assert watch.refused.endswith(
            "--pod-cidrs=CIDR,… with the ranges of this node's Pods, or --scope=node"
        )
    assert [event for event, _ in node.log] == ["scope refused"]


@played
async def test_ranges_that_come_late_count_as_soon_as_they_are_seen() -> None:
    node = Node()
    node.says()
    async with node.watched() as watch:
        assert scope(watch) is None
        node.says(RANGE)
        await asyncio.sleep(15)
        assert scope(watch) == SCOPE
    assert node.verdicts == [False, True]


@played
async def test_a_pod_outside_refuses_at_the_next_look_and_counts_for_a_while_after_it_has_gone() -> (
    None
):
    node = Node()
    node.says(RANGE)
    async with node.watched() as watch:
        node.pods = (INSIDE, OUTSIDE)
        await asyncio.sleep(66)
        assert scope(watch) is None
        assert watch.pod_cidrs == ()
        node.pods = (INSIDE,)
        await asyncio.sleep(HOLD_SECONDS - 70)
        assert scope(watch) is None
        await asyncio.sleep(140)
        assert scope(watch) == SCOPE
    assert node.verdicts == [True, False, True]


@played
async def test_routes_that_cannot_be_read_any_more_change_nothing() -> None:
    node = Node()
    node.says(RANGE)
    async with node.watched() as watch:
        node.pods = KernelError("interrupted")
        await asyncio.sleep(300)
        assert scope(watch) == SCOPE
    assert node.verdicts == [True]


@played
async def test_a_node_that_cannot_be_read_at_the_first_start_is_refused_until_it_can() -> None:
    node = Node()
    node.says(RANGE)
    node.link.down = True
    async with node.watched() as watch:
        assert scope(watch) is None
        assert "the Node node-a cannot be read" in watch.refused
        node.link.down = False
        await asyncio.sleep(30)
        assert scope(watch) == SCOPE


@played
async def test_remembered_ranges_count_where_the_api_is_down_and_no_pod_is_outside(
    tmp_path: Path,
) -> None:
    node = Node(tmp_path)
    node.says(RANGE)
    async with node.watched():
        pass
    node.link.down = True
    async with node.watched() as watch:
        assert scope(watch) == SCOPE
        assert watch.refused == ""
    node.pods = (OUTSIDE,)
    async with node.watched() as watch:
        assert scope(watch) is None


@played
async def test_ranges_that_cannot_be_written_count_all_the_same_and_what_is_lost_is_said_once(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    node = Node(tmp_path / "file")
    node.says(RANGE)
    async with node.watched() as watch:
        await asyncio.sleep(5 * NODE_SECONDS)
        assert scope(watch) == SCOPE
    (lost,) = [message for event, message in node.log if event == "not remembered"]
    assert lost.endswith(
        "after a restart while the Node cannot be read, this node's Pod ranges would not be known"
    )


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b'{"node": "node-b", "uid": "u", "podCIDRs": ["10.9.0.0/16"]}', b'{"node": "node-a", "uid": "u", "podCIDRs": ["x"]}'])  # fmt: skip
@played
async def test_what_is_remembered_of_another_node_or_damaged_does_not_count(
    tmp_path: Path, damage: bytes
) -> None:
    ranges_memory(tmp_path).remember(damage)
    node = Node(tmp_path)
    node.link.down = True
    async with node.watched() as watch:
        assert scope(watch) is None


@played
async def test_an_api_that_is_silent_is_not_waited_for() -> None:
    node = Node()
    node.says(RANGE)
    node.server.faults.add(Fault(Action.SILENCE, "get", "nodes"))
    began = asyncio.get_running_loop().time()
    async with node.watched() as watch:
        assert asyncio.get_running_loop().time() - began <= FIRST_ANSWER_SECONDS + 0.1
        assert "has not been read yet" in watch.refused
        await asyncio.sleep(60)
        assert scope(watch) == SCOPE


@played
async def test_a_right_that_is_missing_is_asked_for_ever_more_rarely_and_named() -> None:
    node = Node()
    node.says(RANGE)
    node.server.faults.add(Fault(Action.ANSWER, "get", "nodes", times=-1, code=403))
    async with node.watched() as watch:
        await asyncio.sleep(6 * 3600)
        assert "has to grant get of nodes" in watch.refused
    assert len(node.server.calls) < 150  # 300 s on average
    assert len(node.log) == 1


@played
async def test_an_idle_agent_asks_for_its_node_six_times_an_hour() -> None:
    node = Node()
    node.says(RANGE)
    async with node.watched():
        await asyncio.sleep(10 * 3600)
    assert 10 * 3600 / (1.1 * NODE_SECONDS) - 2 <= len(node.server.calls) <= 10 * 3600 / (0.9 * NODE_SECONDS) + 1  # fmt: skip
    assert {(call.verb, call.version) for call in node.server.calls} == {("get", "0")}


@played
async def test_who_does_not_decide_knows_the_node_and_leaves_the_scope() -> None:
    node = Node(decides=False)
    node.says(RANGE)
    async with node.watched() as watch:
        assert (watch.scope, watch.refused) == (None, "")
        assert watch.pod_cidrs == SCOPE
        assert watch.uid
    assert node.log == []
    assert node.verdicts == []


@played
async def test_a_node_that_was_made_anew_has_its_own_ranges() -> None:
    node = Node()
    node.says(RANGE)
    async with node.watched() as watch:
        before = watch.uid
        node.server.store.remove(NODE, ("", "node-a"))
        node.says("10.244.9.0/24")
        node.pods = ()
        await asyncio.sleep(1.2 * NODE_SECONDS)
        assert scope(watch) == (Prefix.parse("10.244.9.0/24"),)
        assert watch.uid != before
