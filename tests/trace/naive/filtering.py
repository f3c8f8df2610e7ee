"""A filter at a port."""

# ruff: noqa: PLR0917 (a state is handed on as what it consists of)

from collections.abc import Callable
from dataclasses import replace

from tests.trace.naive import scanning as scan
from tests.trace.naive.states import (
    Outcome,
    State,
    Wire,
    combine,
    dead,
    spread,
)

from wayhome.network import (
    Filter,
    FilterAction,
    Node,
    Port,
    Protocol,
)


def filtered(
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
    for port_ in chosen(filter_, wire):
        certain, *possible = answers(filter_, replace(wire, dport=port_), 0)
        found.append((certain, not all(action is certain for action in possible)))

    def one(state: State, answer: tuple[bool, bool]) -> Outcome:
        certain, doubtful = answer
        outcomes = [
            allowed(state.copy()) if action else dead(leg, filter_.cause)
            for action in ((certain, not certain) if doubtful else (certain,))
        ]
        return combine(outcomes, missing=True)

    return spread(state, sorted(set(found)), one)


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


def answers(filter_: Filter, wire: Wire, stage: int) -> list[bool]:
    """Every assignment of the unknown conditions, the one in which none holds first: allowed or not."""
    if stage == len(filter_.stages):
        return [filter_.default is FilterAction.ALLOW]
    rules = [
        rule
        for rule in filter_.stages[stage]
        if scan.held(rule.sources, wire.source)
        and scan.held(rule.destinations, wire.destination)
        and scan.spoken(rule.protocols, wire)
    ]
    unknown = [rule for rule in rules if rule.unknown]
    found: list[bool] = []
    for assignment in range(1 << len(unknown)):
        holds = {id(rule) for n, rule in enumerate(unknown) if assignment >> n & 1}
        decided = next((r for r in rules if r.unknown is None or id(r) in holds), None)
        if decided is None or decided.action is FilterAction.GOTO_NEXT:
            found += answers(filter_, wire, stage + 1)
        else:
            found.append(decided.action is FilterAction.ALLOW)
    return found
