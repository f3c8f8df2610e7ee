"""What is wrong with a network: all of it, each with the node and what to look at, before anything is traced or built."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from wayhome.network.actions import Action, Choice, Forward
from wayhome.network.link import End, Link
from wayhome.network.node import Node
from wayhome.network.routing import RouteTable
from wayhome.network.translation import Ask, Either, Masquerade, TranslationAction


def contradictions(nodes: Sequence[Node], links: Sequence[Link]) -> Iterator[str]:
    """Every problem as a sentence."""
    yield from _repeated((node.name for node in nodes), "{times} nodes are called {name}")
    yield from _links(nodes, links)
    leads_to: dict[int, set[str]] = {}  # many nodes may share a table of many routes
    for node in nodes:
        yield from _node(node)
        yield from _routing(node, leads_to)
        yield from _translation(node)


def _repeated(names: Iterable[object], sentence: str) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield sentence.format(times=times, name=name)


def _links(nodes: Sequence[Node], links: Sequence[Link]) -> Iterator[str]:
    ports = {End(node.name, port.name) for node in nodes for port in node.ports}
    ends = Counter(end for link in links for end in (link.a, link.b))
    for end, times in ends.items():
        if end not in ports:
            yield f"a link ends at {end}, which does not exist"
        elif times > 1:
            yield f"{end} has {times} links; a port has one"
    for end in sorted(ports - ends.keys()):
        yield f"{end} has no link; join it to an opaque node if what is behind it is not known"


def _node(node: Node) -> Iterator[str]:
    yield from _repeated(
        (port.name for port in node.ports), f"{{times}} ports of {node.name} are called {{name}}"
    )
    yield from _repeated(
        (f"{listener.protocol} {listener.port}" for listener in node.listeners),
        f"{{times}} listeners of {node.name} are at {{name}}",
    )


def _routing(node: Node, leads_to: dict[int, set[str]]) -> Iterator[str]:
    names = {port.name for port in node.ports}
    for name, table in node.tables.items():
        if id(table) not in leads_to:
            leads_to[id(table)] = _leads_to(table)
        for port in sorted(leads_to[id(table)] - names):
            yield f"a route in table {name} of {node.name} leaves by {port}: no such port"
    for missing in sorted({rule.table for rule in node.rules} - node.tables.keys()):
        yield f"a routing rule of {node.name} names table {missing}, which does not exist"


def _leads_to(table: RouteTable) -> set[str]:
    ports: set[str] = set()
    for route in table.routes:
        action = route.action
        if isinstance(action, Forward):  # nearly all of a large table
            ports.add(action.port)
        else:
            ports.update(_ports(action))
    return ports


def _ports(action: Action) -> Iterator[str]:
    match action:
        case Forward(port):
            yield port
        case Choice(alternatives):
            for alternative in alternatives:
                yield from _ports(alternative)
        case _:
            return


def _translation(node: Node) -> Iterator[str]:
    names = {port.name for port in node.ports}
    rules = [rule for chain in node.translation_out for rule in chain.rules]
    mentioned = {name for rule in node.translation_in for name in rule.in_ports}
    mentioned |= {name for rule in rules for name in rule.out_ports}
    for port in sorted(mentioned - names):
        yield f"a translation of {node.name} is about port {port}, which does not exist"
    if not node.addresses and any(_masquerades(rule.action) for rule in rules):
        yield f"{node.name} masquerades and has no address to do it with"


def _masquerades(action: TranslationAction) -> bool:
    match action:
        case Masquerade() | Ask():
            return True
        case Either(alternatives):
            return any(_masquerades(alternative) for alternative in alternatives)
        case _:
            return False
