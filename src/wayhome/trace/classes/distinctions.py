"""What a network's parts tell apart in an address: each as a distinction (see `atoms`).

A route table tells two destinations apart if it does something else with them: another action, not another prefix. Where
routes to a prefix hold for some ingress classes only, the prefix stands for itself. A choice between alternatives is
made once for each route, so that two equal choices are still two.
"""

from collections.abc import Hashable, Iterable, Iterator
from typing import TypeVar

from wayhome.network import (
    Ask,
    Choice,
    DestinationRule,
    Drop,
    Either,
    Filter,
    Node,
    PrefixSet,
    Route,
    RouteTable,
    RoutingRule,
    Target,
    To,
    TranslationAction,
    TranslationRule,
)
from wayhome.network.place import Owned, owned_by_ports
from wayhome.policy import Action as PolicyAction
from wayhome.policy import Policy
from wayhome.prefixes import Prefix, PrefixTable
from wayhome.trace.classes.atoms import Distinction, Segment
from wayhome.trace.classes.line import of_family, position, spans

Value = TypeVar("Value")


def distinctions(nodes: Iterable[Node]) -> Iterator[Distinction]:
    """Everything in some nodes that looks at addresses; what several nodes share only once."""
    nodes = tuple(nodes)
    seen: set[int] = set()
    sets: set[tuple[Prefix, ...]] = set()
    for node in nodes:
        yield of_owned(owned_by_ports(node))
        yield of_places(local_spans(node))
        yield from map(of_table, _unseen(node.tables.values(), seen))
        yield from map(of_policy, _unseen(policies(node), seen))
        for filter_ in _unseen(filters(node), seen):
            sets.update(one.prefixes for one in sets_of_filter(filter_))
        sets.update(one.prefixes for one in sets_of_node(node))
    for prefixes in sets:
        yield of_places(spans(prefixes).spans)
    for node in nodes:  # each address that a node has, or that a packet may get
        for place in (*(position(address) for address in node.addresses), *written(node)):
            yield [(place, place, True)]


def _unseen(parts: Iterable[Value], seen: set[int]) -> Iterator[Value]:
    """Those whose identities are not in `seen`, and put them there."""
    for part in parts:
        if id(part) not in seen:
            seen.add(id(part))
            yield part


def about_sources(node: Node) -> Iterator[Distinction]:
    """What a node's rules say about sources."""
    for one in (*sets_of_node(node), *(s for f in filters(node) for s in sets_of_filter(f))):
        yield of_places(spans(one.prefixes).spans)
    for policy in policies(node):
        yield of_places(spans(policy.pod_cidrs or ()).spans)


def of_table(table: RouteTable, ingress: frozenset[str] | None = None) -> Distinction:
    """What a table does; for any ingress class, where none is given."""
    holding = table.fitting(ingress or frozenset())
    outcomes: dict[Prefix, Hashable] = {prefix: same(routes) for prefix, routes in holding.items()}
    if ingress is None:
        some = (p for p, routes in table.by_prefix() if any(route.classes for route in routes))
        outcomes.update((prefix, prefix) for prefix in some)
    return _flat(outcomes)


def same(routes: Iterable[Route]) -> Hashable:
    """Equal for routes that do the same."""
    return tuple(map(_does, routes))


def _does(route: Route) -> Hashable:
    action = route.action
    if isinstance(action, Choice):
        return id(action)
    if isinstance(action, Drop) and action.evidence is None:
        return action, route.evidence  # the route is what is named
    return action


def of_owned(owned: Owned) -> Distinction:
    """Which ports own an address; several are a choice, made once for each prefix."""
    found: dict[Prefix, Hashable] = {}
    for table in owned.values():
        for prefix, names in table:
            found[prefix] = who(names)
    return _flat(found)


def who(names: tuple[str, ...]) -> Hashable:
    """Equal for owners that are the same. Of several, the very tuple: it must outlive what is returned."""
    return names if len(names) < 2 else id(names)


def of_policy(policy: Policy) -> Distinction:
    """What a policy keeps, what it masquerades, and the families that are not its business."""
    found: list[Segment] = []
    for family in policy.families:
        offset, _ = of_family(family)
        found += [
            (one.first + offset, one.last + offset, one.entry.action is PolicyAction.KEEP)
            for one in policy.intervals(family)
        ]
    return found


def of_places(found: Iterable[tuple[int, int]]) -> Distinction:
    """Inside or outside."""
    return [(first, last, True) for first, last in found]


def local_spans(node: Node) -> tuple[tuple[int, int], ...]:
    """The addresses that end at a node."""
    return spans((*node.local, *(address.prefix for address in node.addresses))).spans


def filters(node: Node) -> Iterator[Filter]:
    """The filters at a node's ports."""
    for port in node.ports:
        yield from (one for one in (port.filter_in, port.filter_out) if one is not None)


def sets_of_filter(filter_: Filter) -> Iterator[PrefixSet]:
    """The sets of addresses that a filter's rules name."""
    for stage in filter_.stages:
        for rule in stage:
            yield from (one for one in (rule.sources, rule.destinations) if one is not None)


def sets_of_node(node: Node) -> Iterator[PrefixSet]:
    """The sets of addresses that a node's own rules name."""
    rules: list[RoutingRule | DestinationRule | TranslationRule] = [*node.rules]
    rules += (*node.translation_in, *(r for c in node.translation_out for r in c.rules))
    for rule in rules:
        yield from (one for one in (rule.sources, rule.destinations) if one is not None)
    yield from (port.permitted for port in node.ports if port.permitted is not None)


def policies(node: Node) -> Iterator[Policy]:
    """The policies that a node asks."""
    for chain in node.translation_out:
        for rule in chain.rules:
            for action in _simple(rule.action):
                if isinstance(action, Ask):
                    yield action.policy


def written(node: Node) -> Iterator[int]:
    """The addresses that a node writes into packets, besides its own."""
    for chain in node.translation_out:
        for rule in chain.rules:
            for action in _simple(rule.action):
                if isinstance(action, To):
                    yield position(action.address)
    upstreams = (target for listener in node.listeners for target in listener.upstreams)
    targets = (target for rule in node.translation_in for target in _targets(rule))
    yield from (position(target.address) for target in (*targets, *upstreams))


def _targets(rule: DestinationRule) -> tuple[Target, ...]:
    return () if isinstance(rule.action, Drop) else rule.action


def _simple(action: TranslationAction) -> Iterator[TranslationAction]:
    if isinstance(action, Either):
        for alternative in action.alternatives:
            yield from _simple(alternative)
    else:
        yield action


def _flat(outcomes: dict[Prefix, Hashable]) -> Distinction:
    found: list[Segment] = []
    for family in sorted({prefix.family for prefix in outcomes}):
        offset, _ = of_family(family)
        table: PrefixTable[tuple[Hashable]] = PrefixTable(
            family, ((p, (outcome,)) for p, outcome in outcomes.items() if p.family is family)
        )
        found += [(first + offset, last + offset, one) for first, last, (one,) in table.flatten()]
    return found
