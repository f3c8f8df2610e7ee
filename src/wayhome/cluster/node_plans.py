"""What a candidate means for the connections that are open on the nodes: each agent is asked, and the answers added up.

`wayhome-agent query plan` in the agent's container judges the node's own connections; nothing is changed by it. Of a
large cluster a sample is asked, spread over all names. A node that cannot be asked is told, with the reason.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wayhome.cluster.agent_pod import CONTAINER, PROGRAM
from wayhome.cluster.report import Report
from wayhome.kube.client import Client
from wayhome.kube.errors import KubeError
from wayhome.kube.exec import Command, execute
from wayhome.kube.one_line import one_line

AT_ONCE = 10
SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """Of one node. `problem` says why it could not be asked; then nothing else means anything."""

    node: str
    total: int | None = None
    """All its connections; None: not known."""
    changed: int = 0
    complete: bool = True
    """Whether all of them were looked at: there was no time for more."""
    examples: tuple[str, ...] = ()
    rejection: str = ""
    """What its agent would reject the candidate for, by its own flags and version."""
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
        """Their connections, as far as their number is known."""
        return sum(plan.total or 0 for plan in self.answered)

    @property
    def complete(self) -> bool:
        """Whether each looked at all of its connections."""
        return all(plan.complete for plan in self.answered)

    @property
    def rejecting(self) -> tuple[NodePlan, ...]:
        """Those that would reject the candidate."""
        return tuple(plan for plan in self.plans if plan.rejection)

    @property
    def changed(self) -> int:
        """Connections that would be treated differently if they were opened now."""
        return sum(plan.changed for plan in self.answered)


async def node_plans(
    client: Client, report: Report, text: bytes, most: int, *, united: bool = False
) -> NodePlans:
    """Ask the agents of at most `most` nodes. `united`: the text is one of several ConfigMaps."""
    agents = sorted((r.node, r.status.pod) for r in report.rows if r.status and r.status.pod)
    step = max(1, -(-len(agents) // most)) if most else len(agents) + 1
    places = asyncio.Semaphore(AT_ONCE)

    async def ask(node: str, pod: str) -> NodePlan:
        async with places:
            return await _ask(client, node, pod, text, *(["--united"] if united else []))

    asked = [ask(node, pod) for node, pod in (agents[::step] if most else ())]
    return NodePlans(tuple(await asyncio.gather(*asked)), report.counted)


async def _ask(client: Client, node: str, pod: str, text: bytes, *flags: str) -> NodePlan:
    namespace, _, name = pod.partition("/")
    # An API server before 1.30 does not pass on where the text ends: then its size says it.
    arguments = (PROGRAM, "query", "plan", f"--bytes={len(text)}", *flags)
    command = Command(namespace, name, CONTAINER, arguments, text)
    try:
        done = await execute(client, command, seconds=SECONDS)
    except KubeError as error:
        return NodePlan(node=node, problem=one_line(str(error), 200))
    try:
        return _read(node, json.loads(done.stdout))
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["nothing"]
        why = f"its agent ended with {done.exit_code} and said {one_line(said[0], 160)}"
        return NodePlan(node=node, problem=why)


def _read(node: str, document: dict[str, Any]) -> NodePlan:
    if not document["valid"]:
        found, *_ = (f for f in document["findings"] if f["severity"] == "error")
        line = f"line {found['line']}" if found["line"] else ""
        where = ", ".join(filter(None, (found.get("configmap"), line)))
        said = f"{where}{': ' if where else ''}{found['problem']}; {found['instead']}"
        return NodePlan(node=node, rejection=one_line(said))
    if document.get("problem"):
        return NodePlan(node=node, problem=one_line(str(document["problem"]), 200))
    connections = document["connections"]
    total = connections["total"]
    return NodePlan(
        node=node,
        total=None if total is None else int(total),
        changed=int(connections["changed"]),
        complete=bool(connections["complete"]),
        examples=tuple(map(_example, connections["examples"])),
    )


def _example(found: dict[str, Any]) -> str:
    port = f" port {found['port']}" if found["port"] else ""
    seen = {"keep": "its own address", "masquerade": "the node's"}
    told = (
        f"{found['connections']} {found['protocol']} {found['source']} -> {found['destination']}{port}: seen with "
        f"{seen[found['now']]}, then {seen[found['then']]}"
    )
    return one_line(told, 200)


def names(plans: Sequence[NodePlan], most: int = 3) -> str:
    """Some of their nodes, for a sentence."""
    shown = ", ".join(plan.node for plan in plans[:most])
    return shown + (f" and {len(plans) - most:,} more" if len(plans) > most else "")
