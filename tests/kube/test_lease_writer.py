"""When a node's Lease is written, how often, and what becomes of it when the API server does not take it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise

import pytest
from tests.kube.api_server.faults import Action, Fault
from tests.kube.api_server.kinds import LEASE
from tests.kube.api_server.server import ApiServer
from tests.kube.link import Link
from tests.kube.steps import write
from tests.kube.told import (
    BAD,
    GOOD,
    STATUS,
    Node,
    Teller,
    lease,
    present,
    with_namespace,
)
from tests.kube.virtual_time import played

from wayhome.agent.lease_writer import AT_ONCE, WRITE_SECONDS
from wayhome.kube.status_lease import RENEW_SECONDS, State


@asynccontextmanager
async def teller(server: ApiServer, node: Node, *, nodes: int = 200) -> AsyncIterator[Teller]:
    found = Teller(Link(server), node, nodes=nodes, draws=random.Random(3))
    task = asyncio.ensure_future(found.writer.run())
    try:
        yield found
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def codes(server: ApiServer) -> list[tuple[str, int]]:
    return [(call.verb, call.code) for call in server.calls if call.resource == "leases"]


@played
async def test_a_node_that_is_new_has_its_lease_made_and_then_patched() -> None:
    server, node = with_namespace(ApiServer()), Node()
    async with teller(server, node):
        node.reads(present(GOOD, "7"))
        await asyncio.sleep(2)
        assert codes(server) == [("patch", 404), ("create", 201)]
        found = lease(server)
        assert found
        assert (found.state, found.held_version, found.seen_version) == (
            State.APPLIED,
            "7",
            "7",
        )
        owners = server.store.get(LEASE, (STATUS, "node-a"))["metadata"]["ownerReferences"]  # type: ignore[index]
        assert owners == [{"apiVersion": "v1", "kind": "Node", "name": "node-a", "uid": "f00d"}]
        node.reads(present(BAD, "8"), applies=False)
        await asyncio.sleep(2)
        assert codes(server)[2:] == [("patch", 200)]
        found = lease(server)
        assert found
        assert (found.state, found.held_version, found.seen_version) == (
            State.REJECTED,
            "7",
            "8",
        )
        assert found.error.startswith("line 2: 10.0.0.1/8 has bits set")
        node.reads(present(GOOD, "9"))
        await asyncio.sleep(2)
        found = lease(server)
        assert found
        assert (found.state, found.held_version, found.error) == (State.APPLIED, "9", "")


@played
async def test_the_lease_of_a_node_that_was_here_before_is_patched_at_once() -> None:
    server = with_namespace(ApiServer())
    for version in ("7", "8"):
        node = Node()
        async with teller(server, node):
            node.reads(present(GOOD, version))
            await asyncio.sleep(2)
    assert codes(server) == [("patch", 404), ("create", 201), ("patch", 200)]
    found = lease(server)
    assert found
    assert found.held_version == "8"


@played
async def test_a_lease_that_somebody_else_made_meanwhile_is_patched() -> None:
    server, node = with_namespace(ApiServer()), Node()
    server.faults.add(Fault(Action.ANSWER, "patch", "leases", code=404))
    node.reads(present(GOOD, "7"))
    found = node.status()
    assert found
    write(server, LEASE, "node-a", found.to_lease(STATUS), STATUS)
    async with teller(server, node):
        node.nudge()
        await asyncio.sleep(2)
    assert codes(server) == [("patch", 404), ("create", 409), ("patch", 200)]


@played
async def test_many_changes_in_one_pause_are_one_write_of_the_last() -> None:
    server, node = with_namespace(ApiServer()), Node()
    async with teller(server, node, nodes=2000):  # 10 s
        for version in range(50):
            node.reads(present(GOOD, str(version)))
            await asyncio.sleep(0)
        await asyncio.sleep(10.1)
    assert codes(server) == [("patch", 404), ("create", 201)]
    found = lease(server)
    assert found
    assert found.held_version == "49"


@played
async def test_what_is_taken_back_during_the_pause_is_not_written() -> None:
    server, node = with_namespace(ApiServer()), Node()
    async with teller(server, node, nodes=2000):
        node.reads(present(GOOD, "7"))
        await asyncio.sleep(11)
        node.tally.kernel_refused("no memory", 1.0)
        node.nudge()
        await asyncio.sleep(0.01)
        node.tally.verified()
        node.nudge()
        await asyncio.sleep(11)
    assert codes(server) == [("patch", 404), ("create", 201)]


@played
async def test_a_node_on_which_much_happens_writes_every_few_seconds() -> None:
    server, node = with_namespace(ApiServer()), Node()
    async with teller(server, node, nodes=1):
        node.reads(present(GOOD, "0"))
        await asyncio.sleep(1)
        server.calls.clear()
        for second in range(600):
            node.tally.kernel_refused("no memory", 1.0) if second % 2 else node.tally.verified()
            node.nudge()
            await asyncio.sleep(1)
    assert 0.8 * 600 / WRITE_SECONDS < len(server.calls) <= 600 / WRITE_SECONDS + AT_ONCE


@played
async def test_a_lease_is_renewed_and_never_at_the_same_distance() -> None:
    server, node = with_namespace(ApiServer()), Node()
    async with teller(server, node):
        node.reads(present(GOOD, "7"))
        await asyncio.sleep(1.1)
        server.calls.clear()
        started = asyncio.get_running_loop().time()
        await asyncio.sleep(6 * 3600)
    times = [call.at for call in server.calls]
    distances = [after - before for before, after in pairwise(times)]
    assert 0.5 * RENEW_SECONDS - 1 <= times[0] - started <= 1.1 * RENEW_SECONDS
    assert all(0.9 * RENEW_SECONDS <= each <= 1.1 * RENEW_SECONDS for each in distances)
    assert len({round(each) for each in distances}) > 20
    assert 6 * 3600 / 660 - 1 <= len(times) <= 6 * 3600 / 540 + 1


@played
async def test_a_lease_that_was_deleted_is_made_again() -> None:
    server, node = with_namespace(ApiServer()), Node()
    async with teller(server, node):
        node.reads(present(GOOD, "7"))
        await asyncio.sleep(2)
        server.store.remove(LEASE, (STATUS, "node-a"))
        await asyncio.sleep(1.1 * RENEW_SECONDS)
    assert codes(server)[2:4] == [("patch", 404), ("create", 201)]


@pytest.mark.parametrize(
    ("code", "reason"), [(403, "has to grant create, get and patch of leases"), (500, "500")]
)
@played
async def test_a_failure_is_said_once_and_counted_and_its_end_is_said(
    code: int, reason: str
) -> None:
    server, node = with_namespace(ApiServer()), Node()
    server.faults.add(Fault(Action.ANSWER, "", "leases", times=5, code=code))
    async with teller(server, node) as found:
        node.reads(present(GOOD, "7"))
        await asyncio.sleep(3600)
        assert [line["level"] for line in found.log] == ["warning", "info"]
        assert reason in found.log[0]["message"]
        assert found.told.lease_failures == 5
        assert lease(server)


@played
async def test_without_the_namespace_it_is_said_how_to_make_it_and_tried_rarely() -> None:
    server, node = ApiServer(), Node()
    async with teller(server, node) as found:
        node.reads(present(GOOD, "7"))
        await asyncio.sleep(6 * 3600)
        (line,) = found.log
        assert "kubectl create namespace wayhome-status" in line["message"]
        assert len(server.calls) < 2 * 6 * 3600 / 100  # two requests each, at 300 s on average
        with_namespace(server)
        await asyncio.sleep(600)
        assert lease(server)


@played
async def test_what_the_server_asks_for_is_waited() -> None:
    server, node = with_namespace(ApiServer()), Node()
    server.faults.add(Fault(Action.ANSWER, "patch", "leases", code=429, retry_after=40))
    async with teller(server, node):
        node.reads(present(GOOD, "7"))
        await asyncio.sleep(60)
    first, second = (call.at for call in server.calls[:2])
    assert 40 <= second - first <= 46


@played
async def test_one_request_at_a_time_and_what_happens_meanwhile_is_told_after_it() -> None:
    server, node = with_namespace(ApiServer()), Node()
    server.faults.add(Fault(Action.SILENCE, "patch", "leases"))
    async with teller(server, node):
        node.reads(present(GOOD, "7"))
        await asyncio.sleep(2)
        node.reads(present(GOOD, "8"))
        await asyncio.sleep(20)
        assert codes(server) == [("patch", 0)]
        await asyncio.sleep(20)  # 30 s are all that it gets
        found = lease(server)
        assert found
        assert found.held_version == "8"


@played
async def test_what_is_taken_back_while_it_is_written_is_written_again() -> None:
    server, node = with_namespace(ApiServer()), Node()
    async with teller(server, node):
        node.reads(present(GOOD, "7"))
        await asyncio.sleep(2)
        server.faults.add(Fault(Action.SLOW, "patch", "leases", seconds=0.01))
        node.tally.kernel_refused("no memory", 1.0)
        node.nudge()
        await asyncio.sleep(1.1)
        assert len(server.calls) == 3  # and its answer comes byte by byte
        node.tally.verified()
        node.nudge()
        await asyncio.sleep(60)
        found = lease(server)
        assert found
        assert found.state == State.APPLIED
    assert len(codes(server)) == 4


@played
async def test_nothing_is_written_when_the_agent_ends() -> None:
    server, node = with_namespace(ApiServer()), Node()
    async with teller(server, node):
        node.reads(present(GOOD, "7"))
        await asyncio.sleep(2)
        server.calls.clear()
    await asyncio.sleep(700)
    assert server.calls == []
    found = lease(server)
    assert found
    assert found.state == State.APPLIED
