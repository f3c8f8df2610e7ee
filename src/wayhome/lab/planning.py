"""From exports to the plan of a lab: what is built of their network, which agents run in it, who answers where."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from wayhome.clouds import endpoints
from wayhome.clouds.estate import Estate
from wayhome.lab import agents
from wayhome.lab.agents import NodeAgent, agents_in, without_agents
from wayhome.lab.compiled import Asked
from wayhome.lab.compiled.held import held_in
from wayhome.lab.cut import MOST_NODES, NOT_BUILT, Cut, TooLargeError, cut
from wayhome.lab.node_names import NodeNames
from wayhome.lab.plan import Plan, PlannedAgent, answered
from wayhome.network import Choice, Either, Network
from wayhome.trace import Trace, trace, trace_reverse

SHOWN = 3
_NO_FILES: Mapping[str, bytes] = {}


def planned(
    title: str,
    estate: Estate,
    network: Network,
    asked: Sequence[Asked] = (),
    files: Mapping[str, bytes] = _NO_FILES,
) -> Callable[[Path], Plan]:
    """The plan, once the lab's folder is known. `asked`: only what these flows can touch. Raises TooLargeError.

    Where a node was seen to hold rules, an agent's are among them, and none is started.
    """
    piece = wanted(network, asked)
    own = {name: held for name, held in held_in(estate, network).items() if _has(piece, name)}
    holding = [name for name, held in own.items() if held.loads]
    running = [
        one
        for one in agents_in(estate, network)
        if _has(piece, one.node) and one.node not in holding
    ]
    built = without_agents(piece.network, running)
    names = NodeNames.of(built, endpoints.names(estate, network))
    ports = answered(built, ((one.flow.protocol, one.flow.port) for one in asked))

    said = (*_cut_away(piece), *_with_own_rules(holding), *_undecided(built))

    def plan(folder: Path) -> Plan:
        there = tuple(_planned(one, estate, folder) for one in running)
        return Plan(title, built, names, own, there, ports, files, said)

    return plan


def wanted(network: Network, asked: Sequence[Asked]) -> Cut:
    """The network, or what flows can touch of it, there and back. Raises TooLargeError."""
    total = len(network.nodes)
    piece = cut(network, _traces(network, asked)) if asked else Cut(network, total, total)
    if piece.kept > MOST_NODES:
        what = "the flows touch" if asked else "the network has"
        raise TooLargeError(
            f"{what} {piece.kept:,} nodes, and at most {MOST_NODES:,} are built; "
            "name flows by --flow SOURCE DESTINATION[:PORT], and what these can touch is built"
        )
    return piece


def _cut_away(piece: Cut) -> Iterator[str]:
    if piece.kept < piece.of:
        yield (
            f"{piece.kept:,} of {piece.of:,} nodes are built, as many as the flows can touch; "
            f"what leaves them ends as {NOT_BUILT}"
        )


def _with_own_rules(holding: Iterable[str]) -> Iterator[str]:
    for node in holding:
        yield f"{node} has the very rules that it was seen to hold, and no agent"


def _undecided(network: Network) -> Iterator[str]:
    """Where one of several things holds and it is not known which: a kernel needs one."""
    facts = list(dict.fromkeys(_facts(network)))
    for node, fact in facts[:SHOWN]:
        yield f"not known at {node}: {fact}; the first possibility is built"
    if len(facts) > SHOWN:
        yield f"and so in {len(facts) - SHOWN:,} more places"


def _facts(network: Network) -> Iterator[tuple[str, str]]:
    for node in network.nodes:
        for table in node.tables.values():
            for route in table.routes:
                if isinstance(route.action, Choice):
                    yield node.name, route.action.fact
        for chain in node.translation_out:
            for rule in chain.rules:
                if isinstance(rule.action, Either):
                    yield node.name, rule.action.missing.fact


def _traces(network: Network, asked: Sequence[Asked]) -> Iterator[Trace]:
    for one in asked:
        there = trace(network, one.flow, one.at)
        yield there
        if back := trace_reverse(network, there):
            yield back


def _has(piece: Cut, name: str) -> bool:
    return name in piece.network.places


def _planned(agent: NodeAgent, estate: Estate, folder: Path) -> PlannedAgent:
    program = agents.program(agent, agent.places(folder))
    return PlannedAgent(agent.node, program, agent.volume(folder), agent.data(estate))
