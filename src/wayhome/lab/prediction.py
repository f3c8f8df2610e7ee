"""What the tracer says about a probe, in the terms in which it is seen in a lab. Pure: no kernel is asked."""

from dataclasses import dataclass, replace
from ipaddress import ip_address

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.endpoints import names
from wayhome.clouds.estate import Estate
from wayhome.lab.case import Case, Expected, Phase, Row
from wayhome.lab.compiled.asked import NOT_KNOWN
from wayhome.lab.node_names import NodeNames
from wayhome.network import Address, Drop, Flow, Network, Protocol, Verdict
from wayhome.probe.attempt import PORTS
from wayhome.probe.observation import Leg
from wayhome.probe.observation import Protocol as Probed
from wayhome.trace import Exchange, Lost, trace

BANNER = "predicted, no kernel"
"""Stands above what nobody has seen."""
Predictions = dict[tuple[Row, Probed], Expected]
"""What becomes of each probe of a phase."""


@dataclass(frozen=True, slots=True)
class PredictedPhase:
    """A phase, and what becomes of its probes in a network, which says whose the addresses are."""

    phase: Phase
    predictions: Predictions
    network: Network


def predict_phase(case: Case, phase: Phase) -> Predictions:
    """What becomes of the probes of a phase, in their order. Raises NodeNameError, network.NetworkError."""
    estate = case.estate_in(phase)
    return predict_in(phase, estate, compile_estate(estate)).predictions


def predict_in(phase: Phase, estate: Estate, network: Network) -> PredictedPhase:
    """What becomes of the probes of a phase in an estate's network. Raises NodeNameError."""
    known = NodeNames.of(network, names(estate, network))
    predictions = {
        (row, protocol): predict_row(network, known.find(row.source), row, protocol)
        for row in phase.expected
        for protocol in Probed
    }
    return PredictedPhase(phase, predictions, network)


def predict_row(network: Network, at: str, row: Row, how: Probed) -> Expected:
    """What becomes of a probe of the project's server that the node `at` sends, from its own first address."""
    protocol = Protocol.ICMP if how is Probed.ICMP else Protocol.TCP
    destination = Address.parse(str(row.address))
    own = network.places[at].node.addresses
    source = next(address for address in own if address.family is destination.family)
    return predict(network, Flow(source, destination, protocol, PORTS[how] or None), at)


def predict(network: Network, flow: Flow, at: str) -> Expected:
    """What becomes of a flow that the node `at` opens. Of several ways that it may go, the one that is shown."""
    traced = trace(network, flow, at)
    said = _said(traced.shown.result)
    return replace(said, reached=said.reached and traced.verdict is Verdict.REACHABLE)


def predict_ways(network: Network, flow: Flow, at: str) -> tuple[Expected, ...]:
    """The same of each way that it may go."""
    traced = trace(network, flow, at)
    return tuple(dict.fromkeys(_said(way.result) for way in traced.ways))


def _said(end: Exchange) -> Expected:
    source = ip_address(str(end.packet.source))
    if end.lost is None:
        return Expected(True, source)
    cause = end.ended.cause if isinstance(end.ended, Drop) else NOT_KNOWN
    if end.lost is Lost.FORWARD:
        return Expected(False, None, Leg.REQUEST, end.forward[-1].node, cause)
    return Expected(False, source, Leg.REPLY, end.reply[-1].node, cause)
