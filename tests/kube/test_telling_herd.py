"""5,000 nodes tell one API server, on one clock: what happens to all of them at once must not arrive at once."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.kube.api_server.calls import Call
from tests.kube.api_server.server import ApiServer
from tests.kube.link import Link
from tests.kube.told import BAD, GOOD, Node, Teller, present, with_namespace
from tests.kube.virtual_time import played

from wayhome.agent.telling import NODES_PER_SECOND

NODES = 5000
SPREAD = NODES / NODES_PER_SECOND
MOST_A_SECOND = 1.35 * NODES_PER_SECOND
"""An even spread of 200 a second on average has 260 in its fullest second (4 standard deviations)."""


class Crowd:
    """The nodes, and what the server is asked from a moment on."""

    def __init__(self, number: int) -> None:
        self.server = with_namespace(ApiServer())
        self.link = Link(self.server)
        draws = random.Random(11)
        self.nodes = [Node(f"node-{each}") for each in range(number)]
        self.tellers = [Teller(self.link, node, nodes=number, draws=draws) for node in self.nodes]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [
            asyncio.ensure_future(run())
            for each in self.tellers
            for run in (each.writer.run, each.complaints.run)
        ]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def all_read(self, data: bytes, version: str, seconds: float) -> list[Call]:
        """All nodes read the same at the same moment. Returns what the server is asked in the time after it."""
        self.server.calls.clear()
        reading = present(data, version)
        for node in self.nodes:
            node.reads(reading)
        await asyncio.sleep(seconds)
        return list(self.server.calls)


def busiest(calls: list[Call], width: float = 1.0) -> int:
    return max(Counter(int(call.at / width) for call in calls).values())


@played
async def test_one_change_is_told_by_all_within_its_time_and_no_second_is_a_herd() -> None:
    crowd = Crowd(NODES)
    async with crowd.running():
        # A node's first Lease takes two requests: nobody knows yet whether there is one.
        calls = await crowd.all_read(GOOD, "1", SPREAD + 1)
        assert Counter((call.verb, call.code) for call in calls) == {("patch", 404): NODES, ("create", 201): NODES}  # fmt: skip
        assert busiest(calls) <= 2 * MOST_A_SECOND

        calls = await crowd.all_read(GOOD + b"resyncInterval: 59s\n", "2", SPREAD + 1)
        assert Counter((call.verb, call.code) for call in calls) == {("patch", 200): NODES}
        assert busiest(calls) <= MOST_A_SECOND

        calls = await crowd.all_read(BAD, "3", SPREAD + 1)
        assert Counter((call.resource, call.verb, call.code) for call in calls) == {
            ("leases", "patch", 200): NODES,
            ("events", "create", 201): 1,
            ("events", "create", 409): NODES - 1,
        }
        assert busiest(calls) <= 2 * MOST_A_SECOND


@pytest.mark.parametrize("outage", [10.0, 120.0])
@played
async def test_after_an_outage_of_the_api_all_come_back_spread(outage: float) -> None:
    crowd = Crowd(2000)
    async with crowd.running():
        crowd.link.down = True
        await crowd.all_read(GOOD, "1", outage)
        # First attempts go on for 10 s, and those that failed are drawn from twice as many seconds.
        most = MOST_A_SECOND * 1.5
        assert max(Counter(map(int, crowd.link.opened)).values()) <= most
        crowd.link.down = False
        await asyncio.sleep(130)
        assert sum(call.code == 201 for call in crowd.server.calls) == 2000
        assert busiest(crowd.server.calls) <= 2 * most  # each makes its Lease


@played
async def test_idle_nodes_renew_a_few_a_second_however_together_they_began() -> None:
    crowd = Crowd(500)
    async with crowd.running():
        await crowd.all_read(GOOD, "1", 10.0)
        calls = await _idle(crowd, 3600.0)
    per_node = Counter(call.name for call in calls)
    assert {call.verb for call in calls} == {"patch"}
    assert min(per_node.values()) >= 5
    assert max(per_node.values()) <= 7
    assert busiest(calls, 60.0) <= 500 / 5 * 1.5  # the first ones come within six minutes


async def _idle(crowd: Crowd, seconds: float) -> list[Call]:
    crowd.server.calls.clear()
    await asyncio.sleep(seconds)
    return list(crowd.server.calls)
