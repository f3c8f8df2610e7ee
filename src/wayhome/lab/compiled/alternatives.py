"""One alternative of a network: the network as one of a trace's ways has it.

Where the tracer walks all branches, a kernel takes one: equal routes by a hash of the flow, and of what is not known
the one that was built. So an alternative is a network of its own, in which everything that the way decided is decided:
of equal routes or targets one is left, a choice is what it might be.

Two things cannot be put into a network: a way that takes different branches at one fork (its packets out and back
meet the same equal routes), and what a filter does by a condition that nobody knows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from wayhome.network import (
    Action,
    Address,
    Choice,
    DestinationRule,
    Drop,
    Either,
    Listener,
    Network,
    Node,
    Place,
    Port,
    Route,
    RouteTable,
    TranslationAction,
    TranslationChain,
    TranslationRule,
)
from wayhome.trace.forks import ForkKind, Taken

Key = int | tuple[int, ...]
Decided = Mapping[Key, int]
"""By the identity of what forks, the option that holds."""


def decisions(taken: Iterable[Taken]) -> Decided | None:
    """What one way decides; None where no network has it so."""
    decided: dict[Key, int] = {}
    for one in taken:
        if one.about is None:
            # Of a condition that nobody knows, the lab builds that it does not hold: the first option.
            if one.option != 0 or one.fork.kind is ForkKind.SPREAD:
                return None
        elif decided.setdefault(_key(one.about), one.option) != one.option:
            return None
    return decided


def alternative(network: Network, decided: Decided) -> Network:
    """The network as a way has it that decides so."""
    if not decided:
        return network
    nodes = (_Decided(network.places[node.name], decided).node() for node in network.nodes)
    return Network.of(nodes, network.links)


def _key(about: object) -> Key:
    """What a fork is about, by identity; a look-up puts equal routes into a new tuple each time."""
    if isinstance(about, tuple) and isinstance(about[0], Route):
        return tuple(map(id, about))
    return id(about)


class _Decided:
    def __init__(self, place: Place, decided: Decided) -> None:
        self._place = place
        self._decided = decided

    def node(self) -> Node:
        node = self._place.node
        return replace(
            node,
            ports=self._ports(),
            tables={name: self._table(table) for name, table in node.tables.items()},
            translation_in=tuple(map(self._inward, node.translation_in)),
            translation_out=tuple(map(self._chain, node.translation_out)),
            listeners=tuple(map(self._listener, node.listeners)),
        )

    def _ports(self) -> tuple[Port, ...]:
        """Where several ports own a prefix, one of them does."""
        lost = set()
        for port in self._place.node.ports:
            for prefix in port.owns:
                for value in (prefix.first, prefix.last):
                    owners = self._place.attached(Address(prefix.family, value))
                    chosen = self._decided.get(id(owners))
                    if chosen is not None and port.name in owners and owners[chosen] != port.name:
                        lost.add((port.name, prefix))
        return tuple(
            replace(port, owns=tuple(p for p in port.owns if (port.name, p) not in lost))
            for port in self._place.node.ports
        )

    def _table(self, table: RouteTable) -> RouteTable:
        equals = ((key, chosen) for key, chosen in self._decided.items() if isinstance(key, tuple))
        gone = {route for key, chosen in equals for route in key if route != key[chosen]}
        return RouteTable.of(
            replace(route, action=self._action(route.action))
            for route in table.routes
            if id(route) not in gone
        )

    def _action(self, action: Action) -> Action:
        if isinstance(action, Choice):
            chosen = self._decided.get(id(action))
            return action if chosen is None else self._action(action.alternatives[chosen])
        return action

    def _inward(self, rule: DestinationRule) -> DestinationRule:
        chosen = self._decided.get(id(rule.action))
        if isinstance(rule.action, Drop) or chosen is None:
            return rule
        return replace(rule, action=(rule.action[chosen],))

    def _listener(self, listener: Listener) -> Listener:
        chosen = self._decided.get(id(listener.upstreams))
        return (
            listener
            if chosen is None
            else replace(listener, upstreams=(listener.upstreams[chosen],))
        )

    def _chain(self, chain: TranslationChain) -> TranslationChain:
        return TranslationChain(chain.name, tuple(map(self._outward, chain.rules)))

    def _outward(self, rule: TranslationRule) -> TranslationRule:
        return replace(rule, action=self._translation(rule.action))

    def _translation(self, action: TranslationAction) -> TranslationAction:
        if isinstance(action, Either):
            chosen = self._decided.get(id(action))
            return action if chosen is None else self._translation(action.alternatives[chosen])
        return action
