"""A tracer that shares no idea with the real one: linear scans, no indices, every branch with a state of its own.

It says what the model means as plainly as possible, and is slow. A state is copied at each fork and handed on to what
comes next (`then`); the verdict is put together on the way back.
"""

# ruff: noqa: PLR0917 (a state is handed on as what it consists of)

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from wayhome.network import (
    Address,
    Ask,
    Choice,
    DeliverAttached,
    Drop,
    Either,
    FallThrough,
    Filter,
    FilterAction,
    Flow,
    Forward,
    Keep,
    Listener,
    Masquerade,
    Network,
    Node,
    Opaque,
    Port,
    PrefixSet,
    Protocol,
    Route,
    To,
    Verdict,
)
from wayhome.network.protocol_match import ProtocolMatch
from wayhome.policy import Action as PolicyAction
from wayhome.policy import Packet as PolicyPacket
from wayhome.prefixes import Prefix

Option = TypeVar("Option")

R, U, AMBIGUOUS, UNDETERMINED = (
    Verdict.REACHABLE,
    Verdict.UNREACHABLE,
    Verdict.AMBIGUOUS,
    Verdict.UNDETERMINED,
)


@dataclass(frozen=True)
class Wire:
    source: Address
    destination: Address
    protocol: Protocol
    sport: int
    dport: int

    def back(self) -> "Wire":
        return Wire(self.destination, self.source, self.protocol, self.dport, self.sport)


@dataclass
class State:
    passed: list[tuple[str, str, Wire]] = field(default_factory=list)
    connections: list[tuple[str, Wire, Wire]] = field(default_factory=list)
    fixed: list[tuple[object, int]] = field(default_factory=list)

    def copy(self) -> "State":
        return State(list(self.passed), list(self.connections), list(self.fixed))


@dataclass(frozen=True)
class Outcome:
    verdict: Verdict
    ends: frozenset[tuple[str, str]]  # (forward | reply | home, the cause or "")


Then = Callable[[State, str, Wire], Outcome]


def held(prefixes: PrefixSet | None, address: Address) -> bool:
    return prefixes is None or any(
        p.contains(address.family, address.value) for p in prefixes.prefixes
    )


def spoken(matches: tuple[ProtocolMatch, ...] | None, wire: Wire) -> bool:
    return matches is None or any(
        m.protocol in {None, wire.protocol}
        and (not m.ports or any(low <= wire.dport <= high for low, high in m.ports))
        for m in matches
    )


def longest(prefixes: list[Prefix], address: Address) -> int:
    return max((p.length for p in prefixes if p.contains(*address)), default=-1)


class Naive:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.facts: dict[tuple[str, int, int], object] = {}

    def ask(self, flow: Flow, at: str) -> Outcome:
        wire = Wire(
            flow.source, flow.destination, flow.protocol, flow.source_port or 0, flow.port or 0
        )
        return self.converse(State(), at, wire, lambda state: Outcome(R, frozenset({("home", "")})))

    def converse(
        self,
        state: State,
        at: str,
        wire: Wire,
        finish: Callable[[State], Outcome],
        proxies: int = 8,
    ) -> Outcome:
        def delivered(state: State, node: str, arrived: Wire) -> Outcome:
            def answer(state: State) -> Outcome:
                return self.walk(state, node, None, arrived.back(), [], home, "reply")

            listener = self.listener(self.node(node), arrived)
            if listener is None:
                return answer(state)

            def accepted(state: State, answer: Callable[[State], Outcome]) -> Outcome:
                if not proxies:
                    return self.dead("forward", "ROUTING_LOOP")
                return self.spread(
                    state,
                    listener.upstreams,
                    lambda state, target: self.connect(
                        state, node, arrived, target.address, target.port, answer, proxies
                    ),
                )

            if listener.protocol is Protocol.UDP:
                return accepted(state, answer)

            def shaken(state: State, there: str, back: Wire) -> Outcome:
                if (there, back) != (at, wire.back()):
                    return self.dead("reply", "REPLY_NOT_EXPECTED")
                return accepted(state, finish)

            return self.walk(state, node, None, arrived.back(), [], shaken, "reply")

        def home(state: State, node: str, arrived: Wire) -> Outcome:
            if (node, arrived) != (at, wire.back()):
                return self.dead("reply", "REPLY_NOT_EXPECTED")
            return finish(state)

        return self.walk(state, at, None, wire, [], delivered, "forward")

    def connect(
        self,
        state: State,
        at: str,
        accepted: Wire,
        target: Address,
        port: int | None,
        answer: Callable[[State], Outcome],
        proxies: int,
    ) -> Outcome:
        node = self.node(at)
        own = self.own(node, None, target)
        if own is None:
            return self.dead("forward", "NO_ADDRESS_TO_MASQUERADE_WITH")
        wire = Wire(own, target, accepted.protocol, 0, accepted.dport if port is None else port)
        routes = self.routes(node, wire, frozenset(), 0, local=True)
        if routes and isinstance(routes[0].action, Forward):
            leaves = self.port(node, routes[0].action.port)
            own = self.own(node, leaves, target) or own
        return self.converse(state, at, replace(wire, source=own), answer, proxies - 1)

    @staticmethod
    def dead(leg: str, cause: str) -> Outcome:
        return Outcome(U, frozenset({(leg, cause)}))

    @staticmethod
    def blind(leg: str) -> Outcome:
        return Outcome(UNDETERMINED, frozenset({(leg, "")}))

    # --- forks

    @staticmethod
    def combine(outcomes: list[Outcome], *, missing: bool) -> Outcome:
        ends = frozenset[tuple[str, str]]().union(*(outcome.ends for outcome in outcomes))
        verdicts = {outcome.verdict for outcome in outcomes}
        if len(verdicts) == 1:
            return Outcome(verdicts.pop(), ends)
        if missing:
            return Outcome(UNDETERMINED, ends)
        mixed = AMBIGUOUS in verdicts or {R, U} <= verdicts
        return Outcome(AMBIGUOUS if mixed else UNDETERMINED, ends)

    def spread(
        self, state: State, options: Sequence[Option], go: Callable[[State, Option], Outcome]
    ) -> Outcome:
        return self.combine([go(state.copy(), option) for option in options], missing=False)

    def fixed(
        self,
        state: State,
        fact: object,
        options: Sequence[Option],
        go: Callable[[State, Option], Outcome],
        *,
        missing: bool,
    ) -> Outcome:
        for known, number in state.fixed:
            if known is fact:
                return go(state, options[number])
        outcomes = []
        for number, option in enumerate(options):
            mine = state.copy()
            mine.fixed.append((fact, number))
            outcomes.append(go(mine, option))
        return self.combine(outcomes, missing=missing)

    # --- the network, by scanning

    def node(self, name: str) -> Node:
        return next(node for node in self.network.nodes if node.name == name)

    @staticmethod
    def port(node: Node, name: str) -> Port:
        return next(port for port in node.ports if port.name == name)

    def peer(self, node: str, port: str) -> tuple[str, str]:
        for link in self.network.links:
            for one, other in ((link.a, link.b), (link.b, link.a)):
                if tuple(one) == (node, port):
                    return other.node, other.port
        raise AssertionError(node, port)

    @staticmethod
    def own(node: Node, port: Port | None, like: Address) -> Address | None:
        candidates = (*(port.addresses if port else ()), *node.addresses)
        return next((a for a in candidates if a.family is like.family), None)

    @staticmethod
    def local(node: Node, address: Address) -> bool:
        return address in node.addresses or any(p.contains(*address) for p in node.local)

    @staticmethod
    def listener(node: Node, wire: Wire) -> Listener | None:
        for listener in node.listeners:
            if listener.protocol is wire.protocol and listener.port == wire.dport:
                return listener
        return None

    @staticmethod
    def routes(
        node: Node, wire: Wire, ingress: frozenset[str], mark: int, *, local: bool
    ) -> list[Route]:
        for rule in node.rules:
            if rule.ingress and not rule.ingress & ingress:
                continue
            if rule.mark is not None and rule.mark != mark:
                continue
            if rule.protocol is not None and rule.protocol is not wire.protocol:
                continue
            if rule.locally_sent is not None and rule.locally_sent != local:
                continue
            if not held(rule.sources, wire.source) or not held(rule.destinations, wire.destination):
                continue
            usable = [
                route
                for route in node.tables[rule.table].routes
                if route.destination.contains(*wire.destination)
                and (not route.classes or route.classes & ingress)
            ]
            length = max((route.destination.length for route in usable), default=-1)
            usable = [route for route in usable if route.destination.length == length]
            best = min((route.order for route in usable), default=0)
            if usable:
                return [route for route in usable if route.order == best]
        return []

    # --- one node

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
            return self.dead(leg, "ROUTING_LOOP")
        met = [*met, (at, entered, wire)]
        node = self.node(at)
        came = self.port(node, entered) if entered else None
        arrived = wire
        if node.not_running:
            return self.dead(leg, node.not_running.cause)
        if came and not held(came.permitted, wire.source):
            return self.dead(leg, came.spoofed)
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
                return self.blind(leg)
            if self.local(node, wire.destination):
                if translates and not known and opens:
                    state.connections.append((at, arrived, wire))
                return then(state, at, sender_of(wire) if known else wire)
            if came and not node.forwards:
                return self.dead(leg, node.not_forwarding.cause)
            ingress = came.ingress_class if came else frozenset()
            routes = self.routes(node, wire, ingress, mark, local=came is None)
            if not routes:
                return self.dead(leg, node.no_route.cause)
            return self.spread(
                state, routes, lambda state, route: act(state, wire, mark, route.action)
            )

        def act(state: State, wire: Wire, mark: int, action: object) -> Outcome:
            match action:
                case Drop(cause):
                    return self.dead(leg, cause)
                case Opaque():
                    return self.blind(leg)
                case Forward(port):
                    return leave(state, wire, mark, port)
                case DeliverAttached(otherwise):
                    owned = [prefix for port in node.ports for prefix in port.owns]
                    length = longest(owned, wire.destination)
                    ports = [
                        port.name
                        for port in node.ports
                        if length >= 0 and longest(list(port.owns), wire.destination) == length
                    ]
                    if not ports:
                        return self.dead(leg, otherwise.cause)
                    prefix = wire.destination.value >> wire.destination.family.bits - max(length, 0)
                    fact = self.facts.setdefault((at, length, prefix), object())
                    return self.fixed(
                        state,
                        fact,
                        ports,
                        lambda state, port: leave(state, wire, mark, port),
                        missing=False,
                    )
                case Choice(alternatives, _, missing):
                    return self.fixed(
                        state,
                        action,
                        alternatives,
                        lambda state, one: act(state, wire, mark, one),
                        missing=missing is not None,
                    )
            raise AssertionError(action)

        def leave(state: State, wire: Wire, mark: int, name: str) -> Outcome:
            port = self.port(node, name)
            return self.filtered(
                state,
                node,
                port,
                port.filter_out,
                wire,
                leg,
                lambda state: leave_allowed(state, wire, mark, port),
            )

        def leave_allowed(state: State, wire: Wire, mark: int, port: Port) -> Outcome:
            if not held(port.permitted, wire.destination):
                return self.dead(leg, port.spoofed)
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
                if not held(rule.sources, wire.source):
                    continue
                if not held(rule.destinations, wire.destination) or not spoken(
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
                    own = self.own(node, port, wire.source)
                    if own is None:
                        return self.dead(leg, "NO_ADDRESS_TO_MASQUERADE_WITH")
                    return confirm(state, replace(wire, source=own, sport=-1), port)
                case Ask(policy, kept):
                    decision = policy.decide(
                        PolicyPacket(
                            wire.destination.family,
                            wire.destination.value,
                            wire.source.value,
                            self.local(node, wire.destination),
                            came is None or self.local(node, wire.source),
                            mark != 0,
                        )
                    )
                    masquerade = decision.action is PolicyAction.MASQUERADE
                    return translate(
                        state, wire, mark, port, chain, Masquerade() if masquerade else kept
                    )
                case Either(alternatives, _):
                    return self.fixed(
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
            there, by = self.peer(at, port.name)
            return self.walk(state, there, by, wire, met, then, leg)

        def inward(state: State, wire: Wire, mark: int) -> Outcome:
            if came is None:
                return routed(state, wire, mark)
            return self.filtered(
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
            if not held(rule.sources, wire.source) or not held(rule.destinations, wire.destination):
                continue
            if not spoken(rule.protocols, wire):
                continue
            if isinstance(rule.action, Drop):
                return self.dead(leg, rule.action.cause)
            return self.spread(
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

    # --- filters

    def filtered(
        self,
        state: State,
        node: Node,
        port: Port,
        filter_: Filter | None,
        wire: Wire,
        leg: str,
        go: Callable[[State], Outcome],
    ) -> Outcome:
        tracks = any(f.stateful for f in (port.filter_in, port.filter_out) if f)

        def allowed(state: State) -> Outcome:
            if tracks:
                state.passed.append((node.name, port.name, wire))
            return go(state)

        if filter_ is None:
            return allowed(state)
        if filter_.stateful and (node.name, port.name, wire.back()) in state.passed:
            return allowed(state)
        # Every port that matters, for a reply to a port that somebody chose.
        found: list[tuple[bool, bool]] = []
        for port_ in self.chosen(filter_, wire):
            certain, *possible = self.answers(filter_, replace(wire, dport=port_), 0)
            found.append((certain, not all(action is certain for action in possible)))

        def one(state: State, answer: tuple[bool, bool]) -> Outcome:
            certain, doubtful = answer
            outcomes = [
                allowed(state.copy()) if action else self.dead(leg, filter_.cause)
                for action in ((certain, not certain) if doubtful else (certain,))
            ]
            return self.combine(outcomes, missing=True)

        return self.spread(state, sorted(set(found)), one)

    @staticmethod
    def chosen(filter_: Filter, wire: Wire) -> list[int]:
        if wire.protocol is Protocol.ICMP or wire.dport > 0:
            return [wire.dport]
        low, high = (32768, 60999) if wire.dport == 0 else (1024, 65535)
        seen = {low, high}
        for rule in (rule for stage in filter_.stages for rule in stage):
            for match in rule.protocols or ():
                for first, last in match.ports:
                    seen |= {first - 1, first, last, last + 1}
        return sorted(port for port in seen if low <= port <= high)

    def answers(self, filter_: Filter, wire: Wire, stage: int) -> list[bool]:
        """Every assignment of the unknown conditions, the one in which none holds first: allowed or not."""
        if stage == len(filter_.stages):
            return [filter_.default is FilterAction.ALLOW]
        rules = [
            rule
            for rule in filter_.stages[stage]
            if held(rule.sources, wire.source)
            and held(rule.destinations, wire.destination)
            and spoken(rule.protocols, wire)
        ]
        unknown = [rule for rule in rules if rule.unknown]
        found: list[bool] = []
        for assignment in range(1 << len(unknown)):
            holds = {id(rule) for n, rule in enumerate(unknown) if assignment >> n & 1}
            decided = next((r for r in rules if r.unknown is None or id(r) in holds), None)
            if decided is None or decided.action is FilterAction.GOTO_NEXT:
                found += self.answers(filter_, wire, stage + 1)
            else:
                found.append(decided.action is FilterAction.ALLOW)
        return found


def naive(network: Network, flow: Flow, at: str) -> Outcome:
    return Naive(network).ask(flow, at)
