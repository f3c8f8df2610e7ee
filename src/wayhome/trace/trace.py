"""The question: does a flow reach its destination, and does the reply come home?

All ways that the flow may take are walked (`forks`), and the verdict is theirs together. Beside the verdict stands one
way that shows it, hop by hop (`_shown`).
"""

from dataclasses import dataclass

from wayhome.network import Drop, Flow, Missing, Network, Verdict
from wayhome.trace.exchange import Exchange, Lost, exchange
from wayhome.trace.forks import (
    TOO_MANY,
    Fork,
    ForkKind,
    Forks,
    Judgement,
    Way,
    explore,
    judge,
)
from wayhome.trace.hop import Hop


@dataclass(frozen=True, slots=True)
class Trace:
    """The answer. `ways` are all that were walked, `shown` the one that shows the verdict; `flow` and `at` are its start.

    `missing` are the facts that an UNDETERMINED verdict lacks; `likely` is what very probably comes out, and `unless`
    what would make it otherwise.
    """

    flow: Flow
    at: str
    verdict: Verdict
    shown: Way[Exchange]
    ways: tuple[Way[Exchange], ...]
    missing: tuple[Missing, ...]
    assumptions: tuple[str, ...]

    @property
    def drop(self) -> Drop | None:
        """What dropped the packet, on the way that is shown."""
        ended = self.shown.result.ended
        return ended if isinstance(ended, Drop) else None

    @property
    def lost(self) -> Lost | None:
        """Which way the packet was that got lost or out of sight, on the way that is shown."""
        return self.shown.result.lost

    @property
    def forward(self) -> tuple[Hop, ...]:
        """The way out, as shown."""
        return self.shown.result.forward

    @property
    def reply(self) -> tuple[Hop, ...]:
        """The way home, as shown."""
        return self.shown.result.reply

    @property
    def likely(self) -> Verdict | None:
        """What very probably comes out of an UNDETERMINED flow: what all ways would, whichever is taken."""
        if self.verdict is not Verdict.UNDETERMINED:
            return None
        expected = {_likely(way.result) for way in self.ways}
        return expected.pop() if len(expected) == 1 else None

    @property
    def unless(self) -> str:
        """What would make it otherwise."""
        return "; ".join(dict.fromkeys(fact.unless for fact in self.missing if fact.unless))


def _likely(result: Exchange) -> Verdict | None:
    return result.ended.likely if isinstance(result.ended, Missing) else result.verdict


def trace(network: Network, flow: Flow, at: str) -> Trace:
    """Ask about a flow that the node `at` opens. Raises KeyError for a node that is not in the network."""
    return _trace(network, ((at, flow),))


def trace_reverse(network: Network, answered: Trace) -> Trace | None:
    """Could the destination open a connection to the source, at the same port? None if no node has the destination.

    The destination is where the flow was delivered, behind translation and proxies, else whoever has its address. Where
    there are several, the verdict is theirs together.
    """
    flow = answered.flow
    starts = {
        end.delivered_to: Flow(end.packet.destination, flow.source, flow.protocol, flow.port)
        for end in (way.result for way in answered.ways)
        if end.delivered_to is not None
    } or {node.name: flow.reversed() for node in network.owners(flow.destination)}
    return _trace(network, tuple(starts.items())) if starts else None


def _trace(network: Network, starts: tuple[tuple[str, Flow], ...]) -> Trace:
    names = tuple(name for name, _ in starts)
    which = Fork(ForkKind.CHOICE, names, "several nodes are where the flow ends")
    several = len(starts) > 1

    def ask(forks: Forks) -> Exchange:
        at, flow = starts[forks.pick(which, starts) if several else 0]
        return exchange(network, flow, at, forks)

    ways, complete = explore(ask)
    judgement = judge(ways, _judge) if complete else _cut_short(ways)
    shown = _shown(ways, judgement.verdict)
    at, flow = starts[shown.taken[0].option if several else 0]
    return Trace(
        flow,
        at,
        judgement.verdict,
        shown,
        ways,
        # First what would settle it alone: the flow is lost whatever the others are.
        tuple(sorted(judgement.missing, key=lambda fact: fact.likely is not Verdict.UNREACHABLE)),
        _assumptions(network, shown.result),
    )


def _judge(result: Exchange) -> Judgement:
    missing = (result.ended,) if isinstance(result.ended, Missing) else ()
    return Judgement(result.verdict, missing)


def _cut_short(ways: tuple[Way[Exchange], ...]) -> Judgement:
    """A verdict on some of the ways alone is none."""
    facts = (way.result.ended for way in ways)
    missing = dict.fromkeys(fact for fact in facts if isinstance(fact, Missing))
    return Judgement(Verdict.UNDETERMINED, (TOO_MANY, *missing))


def _shown(ways: tuple[Way[Exchange], ...], verdict: Verdict) -> Way[Exchange]:
    """A way that ended as the verdict says, else the first that was lost.

    Where all ways are lost, the one that got furthest: what stops it stands in the way whatever the missing facts are,
    and a drop by one of them may be none.
    """
    fitting = [way for way in ways if way.result.verdict is verdict]
    if verdict is Verdict.UNREACHABLE and fitting:
        return max(fitting, key=lambda way: len(way.result.forward) + len(way.result.reply))
    if fitting:
        return fitting[0]
    return next((way for way in ways if way.result.ended is not None), ways[0])


def _assumptions(network: Network, shown: Exchange) -> tuple[str, ...]:
    hops = (*shown.forward, *shown.reply)
    return tuple(
        dict.fromkeys(
            assumption for hop in hops for assumption in network.places[hop.node].node.assumptions
        )
    )
