"""What an apply finds out before its first write."""

import asyncio
from datetime import UTC, datetime

from tests.operator.agents import Agents
from tests.operator.world import CONFIG, World

from wayhome.cli.cluster_connection import client
from wayhome.cluster.look import Places, look
from wayhome.cluster.must_reach import MustReach, Tried, parse_must_reach
from wayhome.cluster.proposal import Order, propose
from wayhome.cluster.report import report


def test_what_must_be_reached_is_tried_once(world: World) -> None:
    """An attempt takes seconds, and with upstream's agents an ephemeral container of the Pod."""
    world.wayhome()
    agents = Agents(world, "a")
    tried: list[MustReach] = []

    async def prober(wanted: MustReach) -> Tried:
        tried.append(wanted)
        return Tried(reached=False, detail="timeout")

    async def proposed() -> None:
        cluster = client(world.server.kubeconfig, "")
        found = report(await look(cluster, Places()), datetime.now(UTC))
        wanted = parse_must_reach("pod=10.2.0.1:80", "default")
        order = Order(text=CONFIG.encode(), must_reach=(wanted,), ask_nodes=0)
        assert (await propose(cluster, order, found, prober)).proofs[0].before.reached is False

    asyncio.run(proposed())
    agents.stop()
    assert len(tried) == 1
