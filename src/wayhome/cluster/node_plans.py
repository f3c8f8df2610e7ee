"""What a candidate means for the connections that are open on the nodes: each agent is asked, and the answers added up.

`wayhome-agent query plan` in the agent's container judges the node's own connections; nothing is changed by it. Of a
large cluster a sample is asked, spread over all names. A node that cannot be asked is told, with the reason.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from wayhome.cluster.report import Report
from wayhome.kube.client import Client
from wayhome.kube.errors import KubeError
from wayhome.kube.one_line import one_line

CONTAINER = "wayhome-agent"
AT_ONCE = 10
SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class NodePlan:
    """Of one node. `problem` says why it could not be asked; then nothing else means anything."""

    node: str
    total: int = 0
    changed: int = 0
    examples: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class NodePlans:
    """Of those that were asked; `nodes` is how many there are."""

    plans: tuple[NodePlan, ...]
    nodes: int

    @property
    def answered(self) -> tuple[NodePlan, ...]:
        """Those that could be asked."""
        return tuple(plan for plan in self.plans if not plan.problem)

    @property
    def failed(self) -> tuple[NodePlan, ...]:
        """Those that could not."""
        return tuple(plan for plan in self.plans if plan.problem)

    @property
    def total(self) -> int:
        """Connections that were judged."""
        return sum(plan.total for plan in self.answered)

    @property
    def changed(self) -> int:
        """Connections that would be treated differently if they were opened now."""
        return sum(plan.changed for plan in self.answered)


async def node_plans(client: Client, report: Report, text: bytes, most: int) -> NodePlans:
    """Ask the agents of at most `most` nodes."""
    agents = sorted((r.node, r.status.pod) for r in report.rows if r.status and r.status.pod)
    step = max(1, -(-len(agents) // most)) if most else len(agents) + 1
    places = asyncio.Semaphore(AT_ONCE)

    async def ask(node: str, pod: str) -> NodePlan:
        async with places:
            return await _ask(client, node, pod, text)

    asked = [ask(node, pod) for node, pod in (agents[::step] if most else ())]
    return NodePlans(tuple(await asyncio.gather(*asked)), report.counted)


async def _ask(client: Client, node: str, pod: str, text: bytes) -> NodePlan:
    from wayhome.kube.exec import Command, execute  # noqa: PLC0415  # websockets are loaded where an agent is asked

    namespace, _, name = pod.partition("/")
    command = Command(namespace, name, CONTAINER, ("wayhome-agent", "query", "plan"), text)
    try:
        done = await execute(client, command, seconds=SECONDS)
    except KubeError as error:
        return NodePlan(node, problem=one_line(str(error), 200))
    try:
        found = json.loads(done.stdout)
        connections = found["connections"]
        examples = tuple(map(_example, connections.get("examples", ())))
        return NodePlan(node, int(connections["total"]), int(connections["changed"]), examples)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["nothing"]
        return NodePlan(node, problem=f"its agent ended with {done.exit_code} and said {one_line(said[0], 160)}")  # fmt: skip


def _example(found: dict[str, object]) -> str:
    port = f" port {found['port']}" if found.get("port") else ""
    told = f"{found['source']} -> {found['destination']} {found['protocol']}{port}: {found['now']}, would be {found['then']}"
    return one_line(told, 200)


def ask_nobody(report: Report) -> NodePlans:
    """Nobody was asked."""
    return NodePlans((), report.counted)


def names(plans: Sequence[NodePlan], most: int = 3) -> str:
    """Some of their nodes, for a sentence."""
    shown = ", ".join(plan.node for plan in plans[:most])
    return shown + (f" and {len(plans) - most:,} more" if len(plans) > most else "")
