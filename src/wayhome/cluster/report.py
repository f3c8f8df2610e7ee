"""What the facts mean: of each node its condition, and of all nodes whether the configuration is in force. Pure.

Nothing that is not known counts as good. A node is current only if its own agent says so, in a Lease that is renewed;
what upstream's agent does cannot be seen, so its nodes are unverified. Nodes of which nobody keeps the rules (Windows,
virtual kubelets) are counted apart, and so are Leases of nodes that are gone.

A node that is not ready may be off, or cut off from the control plane with its Pods running: it is not waited for, and
not called good either.
"""

import enum
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from wayhome.cluster.look import Facts, Unseen
from wayhome.cluster.nodes import ClusterNode, Kind
from wayhome.cluster.readings import digests
from wayhome.cluster.wanted import Wanted, is_absent, wanted_of
from wayhome.kube.status_lease import NodeStatus, State


class Condition(enum.Enum):
    """Of one node; the worst first. The text follows a number: `3 rejected`."""

    REJECTED = "rejected"
    KERNEL_REFUSED = "refused by the kernel"
    SCOPE_REFUSED = "without known Pod ranges"
    UNREADABLE = "unable to read the ConfigMap"
    BEHIND = "not yet"
    STALE = "no longer heard of"
    NO_LEASE = "silent so far"
    NO_AGENT = "without an agent"
    UNVERIFIED = "unverified"
    NOT_READY = "not ready"
    CURRENT = "current"
    WINDOWS = "Windows"
    VIRTUAL = "virtual"
    GONE = "gone"


FAILED = frozenset({Condition.REJECTED, Condition.KERNEL_REFUSED, Condition.SCOPE_REFUSED})
"""An agent has tried and says no."""
WAITING = frozenset({Condition.UNREADABLE, Condition.BEHIND, Condition.STALE, Condition.NO_LEASE})
"""An agent may still say something else."""
UNCOUNTED = frozenset({Condition.WINDOWS, Condition.VIRTUAL, Condition.GONE})
"""Nobody keeps rules there."""

_REFUSALS: Mapping[str, Condition] = {
    State.REJECTED: Condition.REJECTED,
    State.UNREADABLE: Condition.UNREADABLE,
    State.KERNEL_REFUSED: Condition.KERNEL_REFUSED,
    State.SCOPE_REFUSED: Condition.SCOPE_REFUSED,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One node. `status` is None where no agent has said anything."""

    node: str
    condition: Condition
    status: NodeStatus | None = None
    ready: bool = True

    @property
    def error(self) -> str:
        """What its agent complains of."""
        return self.status.error if self.status else ""


@dataclass(frozen=True, slots=True)
class Report:
    """`rows`: the worst first, then by name."""

    facts: Facts
    wanted: Wanted | Unseen
    rows: tuple[Row, ...]
    seen_at: datetime

    def of(self, *conditions: Condition) -> tuple[Row, ...]:
        """The rows of these conditions."""
        return tuple(row for row in self.rows if row.condition in conditions)

    @property
    def counts(self) -> Counter[Condition]:
        """How many nodes are in which condition."""
        return Counter(row.condition for row in self.rows)

    @property
    def counted(self) -> int:
        """The nodes whose rules an agent is to keep."""
        return sum(row.condition not in UNCOUNTED for row in self.rows)

    @property
    def settled(self) -> bool:
        """Whether no agent is still to be heard."""
        return not any(row.condition in WAITING for row in self.rows)


def report(facts: Facts, now: datetime) -> Report:
    """Judge what was seen."""
    wanted = (
        facts.item
        if isinstance(facts.item, Unseen)
        else wanted_of(facts.configmap, facts.item, facts.data_key, partial(digests, facts))
    )
    statuses = {} if isinstance(facts.statuses, Unseen) else facts.statuses
    if isinstance(facts.nodes, Unseen):
        rows = [_told(status, wanted, facts, now) for status in statuses.values()]
    else:
        rows = list(_rows(facts, facts.nodes, statuses, wanted, now))
    order = {condition: number for number, condition in enumerate(Condition)}
    return Report(
        facts, wanted, tuple(sorted(rows, key=lambda r: (order[r.condition], r.node))), now
    )


def _rows(
    facts: Facts,
    nodes: Mapping[str, ClusterNode],
    statuses: Mapping[str, NodeStatus],
    wanted: Wanted | Unseen,
    now: datetime,
) -> Iterable[Row]:
    for node in nodes.values():
        yield _row(node, statuses.get(node.name), facts, wanted, now)
    for name, status in statuses.items():
        if name not in nodes:
            yield Row(name, Condition.GONE, status)


def _row(
    node: ClusterNode,
    status: NodeStatus | None,
    facts: Facts,
    wanted: Wanted | Unseen,
    now: datetime,
) -> Row:
    if node.kind is not Kind.LINUX:
        condition = Condition.WINDOWS if node.kind is Kind.WINDOWS else Condition.VIRTUAL
        return Row(node.name, condition, status, node.ready)
    told = _told(status, wanted, facts, now) if status else Row(node.name, _untold(node, facts))
    if told.condition is Condition.CURRENT or told.condition in FAILED or node.ready:
        return Row(node.name, told.condition, status, node.ready)
    return Row(node.name, Condition.NOT_READY, status, ready=False)


def _untold(node: ClusterNode, facts: Facts) -> Condition:
    """Why nothing is known of what its agent says."""
    if isinstance(facts.agents, Unseen):
        return Condition.NO_LEASE
    there = [each for each in facts.agents if node.is_selected(each.selector)]
    if not there:
        return Condition.NO_AGENT
    told = any(each.tells for each in there) and not isinstance(facts.statuses, Unseen)
    return Condition.NO_LEASE if told else Condition.UNVERIFIED


def _told(status: NodeStatus, wanted: Wanted | Unseen, facts: Facts, now: datetime) -> Row:
    """What its Lease says, if that still counts, and if it has heard of what is asked."""
    condition = _condition(status, wanted, now)
    if not _is_answer(status, wanted, facts):
        unheard = condition is Condition.CURRENT or condition in FAILED
        condition = Condition.BEHIND if unheard else condition
    return Row(status.node, condition, status)


def _is_answer(status: NodeStatus, wanted: Wanted | Unseen, facts: Facts) -> bool:
    """Whether it was said after what we have done last. Every write of a Lease has its own time in it."""
    if facts.said_before.get(status.node) == status:
        return False
    answers = facts.answers
    return not (answers and isinstance(wanted, Wanted)) or wanted.was_read_by(status, answers)


def _condition(status: NodeStatus, wanted: Wanted | Unseen, now: datetime) -> Condition:
    if not status.is_current(now):
        return Condition.STALE
    refusal = _REFUSALS.get(status.state)
    if isinstance(wanted, Unseen):
        return refusal or Condition.BEHIND
    if refusal is Condition.REJECTED and not wanted.was_read_by(status):
        return Condition.BEHIND  # it has rejected what is no longer there
    if refusal:
        return refusal
    if status.state in (State.APPLIED, State.DEFAULTS) and wanted.is_held_by(status):
        return Condition.CURRENT
    return Condition.BEHIND


def is_unconfigured(report: Report) -> bool:
    """Whether upstream's defaults are in force because there is no ConfigMap."""
    return isinstance(report.wanted, Wanted) and is_absent(report.wanted)
