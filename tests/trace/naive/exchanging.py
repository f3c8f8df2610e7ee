"""A packet out and its reply home, and what a proxy opens between the two."""

# ruff: noqa: PLR0917 (a state is handed on as what it consists of)

from collections.abc import Callable
from dataclasses import replace

from tests.trace.naive import scanning as scan
from tests.trace.naive.states import (
    Outcome,
    R,
    State,
    Wire,
    dead,
    spread,
)
from tests.trace.naive.walking import Walker

from wayhome.network import (
    Address,
    Flow,
    Forward,
    Network,
    Protocol,
)


class Naive(Walker):
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

            listener = scan.listener(scan.node(self.network, node), arrived)
            if listener is None:
                return answer(state)

            def accepted(state: State, answer: Callable[[State], Outcome]) -> Outcome:
                if not proxies:
                    return dead("forward", "ROUTING_LOOP")
                return spread(
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
                    return dead("reply", "REPLY_NOT_EXPECTED")
                return accepted(state, finish)

            return self.walk(state, node, None, arrived.back(), [], shaken, "reply")

        def home(state: State, node: str, arrived: Wire) -> Outcome:
            if (node, arrived) != (at, wire.back()):
                return dead("reply", "REPLY_NOT_EXPECTED")
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
        node = scan.node(self.network, at)
        own = scan.own(node, None, target)
        if own is None:
            return dead("forward", "NO_ADDRESS_TO_MASQUERADE_WITH")
        wire = Wire(own, target, accepted.protocol, 0, accepted.dport if port is None else port)
        routes = scan.routes(node, wire, frozenset(), 0, local=True)
        if routes and isinstance(routes[0].action, Forward):
            leaves = scan.port(node, routes[0].action.port)
            own = scan.own(node, leaves, target) or own
        return self.converse(state, at, replace(wire, source=own), answer, proxies - 1)


def naive(network: Network, flow: Flow, at: str) -> Outcome:
    return Naive(network).ask(flow, at)
