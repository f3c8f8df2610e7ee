"""What a new policy would mean for the connections of a node, counted as they stream by. Pure.

Connections are grouped by what an operator can act on: who talks to whom, over which protocol and port, and what would
become of them. A Pod that scans a network makes as many groups as it has destinations; from a number of groups on,
connections of further ones are only counted, so that the plan stays as small as its reader wants it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from wayhome.kernel.connection import Connection
from wayhome.kernel.transition_mode import TransitionMode
from wayhome.kernel.treatment import Comparison, Verdict
from wayhome.policy import Action, Decision
from wayhome.prefixes import Family

MOST_GROUPS = 20_000


@dataclass(frozen=True, slots=True)
class Group:
    """Connections that are the same but for their source ports. Port 0 where the protocol has none."""

    family: Family
    source: int
    destination: int
    """After its translation: of a Service, the Pod behind it."""
    port: int
    protocol: int
    then: Action
    """What a new connection would get. What these have is the other one."""


@dataclass(slots=True)
class Plan:
    """What has been counted so far. `most_groups`: how many are kept apart."""

    most_groups: int = MOST_GROUPS
    complete: bool = True
    """False if there was no time to look at all connections."""
    judged: int = 0
    """All connections that were looked at."""
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    protocols: Counter[int] = field(default_factory=Counter)
    """The connections that change, by protocol."""
    groups: Counter[Group] = field(default_factory=Counter)
    decisions: dict[Group, Decision] = field(default_factory=dict)
    """Why the connections of a group would be treated as they would."""
    ungrouped: int = 0
    """Connections that change and have no group, because there were too many."""

    @property
    def changing(self) -> int:
        """The connections that would be treated differently."""
        return self.protocols.total()

    def expired(self, mode: TransitionMode) -> Mapping[int, int]:
        """Of these, how many a transition expires, by protocol."""
        return {
            protocol: count
            for protocol, count in self.protocols.most_common()
            if mode.expires(protocol)
        }

    def largest_first(self) -> list[tuple[Group, int]]:
        """The groups with their counts; equally large ones in the order of their addresses."""
        return sorted(
            self.groups.items(),
            key=lambda item: (
                -item[1],
                item[0].family,
                item[0].source,
                item[0].destination,
                item[0].port,
                item[0].protocol,
            ),
        )

    def count(self, connection: Connection, comparison: Comparison) -> None:
        """Judge one connection."""
        verdict = comparison.verdict(connection)
        self.judged += 1
        self.verdicts[verdict] += 1
        if not verdict.changes:
            return
        self.protocols[connection.protocol] += 1
        group = Group(
            connection.family,
            connection.original.source,
            connection.translated_destination,
            connection.reply.source_port,
            connection.protocol,
            Action.MASQUERADE if verdict is Verdict.BECOMES_MASQUERADED else Action.KEEP,
        )
        if group not in self.groups:
            if len(self.groups) >= self.most_groups:
                self.ungrouped += 1
                return
            self.decisions[group] = comparison.decision(connection)
        self.groups[group] += 1


def other(action: Action) -> Action:
    """What the connections of a group get now, by what they would get."""
    return Action.KEEP if action is Action.MASQUERADE else Action.MASQUERADE
