"""How much an agent asks of the API server: idle, and for one change. Everything that it asks, on one clock."""

import asyncio
import io
import random
from collections import Counter
from dataclasses import asdict

from tests.agent.agent_rights import agent_rights, granted
from tests.kube.api_server.calls import Call
from tests.kube.api_server.kinds import NODE
from tests.kube.api_server.rights import ANONYMOUS
from tests.kube.api_server.server import ApiServer
from tests.kube.link import Link, access
from tests.kube.steps import NAME, NAMESPACE, put, write
from tests.kube.test_node_watch import AtOnce
from tests.kube.told import BAD, GOOD, with_namespace
from tests.kube.virtual_time import play

from wayhome.agent.api_arguments import ApiOptions
from wayhome.agent.api_source import ApiSource
from wayhome.agent.holding import Holding
from wayhome.agent.logs import Format, Log
from wayhome.agent.memory import Memory
from wayhome.agent.node_watch import NodeWatch
from wayhome.agent.reporter import Reporter
from wayhome.agent.tally import Tally
from wayhome.kernel import Change, ChangeKind
from wayhome.kube.client import Client
from wayhome.kube.configmap_watch import ConfigMapWatch
from wayhome.policy import Settings

HOURS = 24
IDLE_AN_HOUR = 25.0
"""At most: about 8 watches, 6 Leases and 6 Nodes."""


class Agent:
    """All parts of API mode that ask the server, and a keeper whose kernel takes everything."""

    def __init__(self, server: ApiServer) -> None:
        options = ApiOptions(
            configmaps=((NAMESPACE, NAME),),
            key="config",
            kubeconfig=None,
            node="node-a",
            status_namespace="wayhome-status",
            nodes=200,
            pod="p",
            pod_namespace="wayhome",
        )
        client = Client(access(), connect=Link(server).connect)
        log = Log(Format.JSON, io.StringIO())
        self.tally, self.holding = Tally(), Holding(Settings())
        draws = random.Random(2).random
        self.source = ApiSource(
            lambda changed: ConfigMapWatch(
                client, options.configmaps, "config", changed=changed, node="node-a", random=draws
            )
        )
        clock = asyncio.get_running_loop().time
        self.node = NodeWatch(
            client, "node-a", Memory(None), AtOnce(), log, decides=True, look=tuple, random=draws, clock=clock
        )  # fmt: skip
        self.reporter = Reporter(
            options,
            client,
            self.tally,
            log,
            backend="nftables",
            observing=False,
            nodes=lambda: self.source.nodes,
            node=self.node,
            given=(),
        )

    def step(self) -> None:
        """What the keeper does when the source has news."""
        held = self.holding.observe(self.source.read(), 0.0)
        self.tally.source(held)
        self.tally.applied(held, Change(ChangeKind.NOTHING, 0.0), 0.0)
        self.tally.verified()
        self.reporter.nudge()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.source.run(self.step))
            group.create_task(self.node.run(self.reporter.nudge))
            group.create_task(self.reporter.run())


async def asked() -> tuple[list[Call], list[Call], list[Call]]:
    """What is asked at the start, in an idle day, and in an hour in which a wrong configuration comes and is mended."""
    server = with_namespace(ApiServer())
    server.rights.grant(ANONYMOUS, *agent_rights())
    write(server, NODE, "node-a", {"spec": {"podCIDRs": ["10.244.1.0/24"]}})
    put(server, GOOD.decode())
    task = asyncio.ensure_future(Agent(server).run())
    await asyncio.sleep(10)
    start = list(server.calls)
    server.calls.clear()
    await asyncio.sleep(HOURS * 3600)
    idle = list(server.calls)
    server.calls.clear()
    put(server, BAD.decode())
    await asyncio.sleep(5)
    put(server, GOOD.decode())
    await asyncio.sleep(5)
    changes = list(server.calls)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return start, idle, changes


def test_what_an_agent_asks() -> None:
    start, idle, changes = play(asked())
    kinds = Counter((call.resource, call.verb) for call in start)
    assert kinds == {
        ("configmaps", "list"): 1,
        ("configmaps", "watch"): 1,
        ("nodes", "get"): 1,
        ("leases", "patch"): 1,
        ("leases", "create"): 1,
    }
    assert len(idle) / HOURS <= IDLE_AN_HOUR
    assert {(call.resource, call.verb) for call in idle} == {
        ("configmaps", "watch"),
        ("nodes", "get"),
        ("leases", "patch"),
    }
    others = [call for call in changes if (call.resource, call.verb) != ("configmaps", "watch")]
    assert Counter((call.resource, call.verb) for call in others) == {
        ("leases", "patch"): 2,
        ("events", "create"): 1,
    }
    everything = [*start, *idle, *changes]
    assert all(granted(asdict(call)) for call in everything)
    assert not any(call.code == 403 for call in everything)
    assert {call.code for call in idle} == {200}
