"""One packet on its way, node by node."""

# ruff: noqa: PLR0917 (a state is handed on as what it consists of)

from dataclasses import replace

from tests.trace.naive import scanning as scan
from tests.trace.naive.filtering import filtered
from tests.trace.naive.states import (
    Outcome,
    State,
    Then,
    Wire,
    blind,
    dead,
    fixed,
    spread,
)

from wayhome.network import (
    Ask,
    Choice,
    DeliverAttached,
    Drop,
    Either,
    FallThrough,
    Forward,
    Keep,
    Masquerade,
    Network,
    Opaque,
    Port,
    Protocol,
    To,
)
from wayhome.policy import Action as PolicyAction
from wayhome.policy import Packet as PolicyPacket


class Walker:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.facts: dict[tuple[str, int, int], object] = {}

    def walk(
        self,
        state: State,
        at: str,
        entered: str | None,
        wire: Wire,
        met: list[tuple[str, str | None, Wire]],
        then: Then,
        leg: str,
    ) -> Outcome:
        if (at, entered, wire) in met:
            return dead(leg, "ROUTING_LOOP")
        met = [*met, (at, entered, wire)]
        node = scan.node(self.network, at)
        came = scan.port(node, entered) if entered else None
        arrived = wire
        if node.not_running:
            return dead(leg, node.not_running.cause)
        if came and not scan.held(came.permitted, wire.source):
            return dead(leg, came.spoofed)
        translates = bool(node.translation_in or node.translation_out)
        opens = leg == "forward" or wire.protocol is Protocol.UDP
        known = [
            (first, last, forward)
            for name, first, last in state.connections
            for forward in (True, False)
            if name == at and wire == (first if forward else last.back())
        ][:1]

        def sender_of(wire: Wire) -> Wire:
            first, last, forward = known[0]
            sender = (last.source, last.sport) if forward else (first.destination, first.dport)
            return replace(wire, source=sender[0], sport=sender[1])

        def routed(state: State, wire: Wire, mark: int) -> Outcome:
            if node.opaque:
                return blind(leg)
            if scan.local(node, wire.destination):
                if translates and not known and opens:
                    state.connections.append((at, arrived, wire))
                return then(state, at, sender_of(wire) if known else wire)
            if came and not node.forwards:
                return dead(leg, node.not_forwarding.cause)
            ingress = came.ingress_class if came else frozenset()
            routes = scan.routes(node, wire, ingress, mark, local=came is None)
            if not routes:
                return dead(leg, node.no_route.cause)
            return spread(state, routes, lambda state, route: act(state, wire, mark, route.action))

        def act(state: State, wire: Wire, mark: int, action: object) -> Outcome:
            match action:
                case Drop(cause):
                    return dead(leg, cause)
                case Opaque():
                    return blind(leg)
                case Forward(port):
                    return leave(state, wire, mark, port)
                case DeliverAttached(otherwise):
                    owned = [prefix for port in node.ports for prefix in port.owns]
                    length = scan.longest(owned, wire.destination)
                    ports = [
                        port.name
                        for port in node.ports
                        if length >= 0 and scan.longest(list(port.owns), wire.destination) == length
                    ]
                    if not ports:
                        return dead(leg, otherwise.cause)
                    prefix = wire.destination.value >> wire.destination.family.bits - max(length, 0)
                    fact = self.facts.setdefault((at, length, prefix), object())
                    return fixed(
                        state,
                        fact,
                        ports,
                        lambda state, port: leave(state, wire, mark, port),
                        missing=False,
                    )
                case Choice(alternatives, _, missing):
                    return fixed(
                        state,
                        action,
                        alternatives,
                        lambda state, one: act(state, wire, mark, one),
                        missing=missing is not None,
                    )
            raise AssertionError(action)

        def leave(state: State, wire: Wire, mark: int, name: str) -> Outcome:
            port = scan.port(node, name)
            return filtered(
                state,
                node,
                port,
                port.filter_out,
                wire,
                leg,
                lambda state: leave_allowed(state, wire, mark, port),
            )

        def leave_allowed(state: State, wire: Wire, mark: int, port: Port) -> Outcome:
            if not scan.held(port.permitted, wire.destination):
                return dead(leg, port.spoofed)
            if not translates or not (known or opens):
                return send(state, wire, port)
            if known:
                return send(state, sender_of(wire), port)
            return source(state, wire, mark, port, 0)

        def source(state: State, wire: Wire, mark: int, port: Port, chain: int) -> Outcome:
            if chain == len(node.translation_out):
                return confirm(state, wire, port)
            for rule in node.translation_out[chain].rules:
                if rule.out_ports and port.name not in rule.out_ports:
                    continue
                if rule.mark is not None and rule.mark != mark:
                    continue
                if rule.locally_sent is not None and rule.locally_sent != (came is None):
                    continue
                if not scan.held(rule.sources, wire.source):
                    continue
                if not scan.held(rule.destinations, wire.destination) or not scan.spoken(
                    rule.protocols, wire
                ):
                    continue
                return translate(state, wire, mark, port, chain, rule.action)
            return source(state, wire, mark, port, chain + 1)

        def translate(
            state: State, wire: Wire, mark: int, port: Port, chain: int, action: object
        ) -> Outcome:
            match action:
                case Keep():
                    return confirm(state, wire, port)
                case FallThrough():
                    return source(state, wire, mark, port, chain + 1)
                case To(address):
                    return confirm(state, replace(wire, source=address, sport=-1), port)
                case Masquerade():
                    own = scan.own(node, port, wire.source)
                    if own is None:
                        return dead(leg, "NO_ADDRESS_TO_MASQUERADE_WITH")
                    return confirm(state, replace(wire, source=own, sport=-1), port)
                case Ask(policy, kept):
                    decision = policy.decide(
                        PolicyPacket(
                            wire.destination.family,
                            wire.destination.value,
                            wire.source.value,
                            scan.local(node, wire.destination),
                            came is None or scan.local(node, wire.source),
                            mark != 0,
                        )
                    )
                    masquerade = decision.action is PolicyAction.MASQUERADE
                    return translate(
                        state, wire, mark, port, chain, Masquerade() if masquerade else kept
                    )
                case Either(alternatives, _):
                    return fixed(
                        state,
                        action,
                        alternatives,
                        lambda state, one: translate(state, wire, mark, port, chain, one),
                        missing=True,
                    )
            raise AssertionError(action)

        def confirm(state: State, wire: Wire, port: Port) -> Outcome:
            state.connections.append((at, arrived, wire))
            return send(state, wire, port)

        def send(state: State, wire: Wire, port: Port) -> Outcome:
            there, by = scan.peer(self.network, at, port.name)
            return self.walk(state, there, by, wire, met, then, leg)

        def inward(state: State, wire: Wire, mark: int) -> Outcome:
            if came is None:
                return routed(state, wire, mark)
            return filtered(
                state,
                node,
                came,
                came.filter_in,
                wire,
                leg,
                lambda state: routed(state, wire, mark),
            )

        if translates and known:
            first, last, forward = known[0]
            to = (last.destination, last.dport) if forward else (first.source, first.sport)
            return inward(state, replace(wire, destination=to[0], dport=to[1]), 0)
        for rule in node.translation_in if opens else ():
            if rule.in_ports and entered not in rule.in_ports:
                continue
            if rule.locally_sent is not None and rule.locally_sent != (came is None):
                continue
            if not scan.held(rule.sources, wire.source) or not scan.held(
                rule.destinations, wire.destination
            ):
                continue
            if not scan.spoken(rule.protocols, wire):
                continue
            if isinstance(rule.action, Drop):
                return dead(leg, rule.action.cause)
            return spread(
                state,
                rule.action,
                lambda state, target, mark=rule.mark or 0: inward(  # type: ignore[misc]
                    state,
                    replace(
                        wire,
                        destination=target.address,
                        dport=wire.dport if target.port is None else target.port,
                    ),
                    mark,
                ),
            )
        return inward(state, wire, 0)
