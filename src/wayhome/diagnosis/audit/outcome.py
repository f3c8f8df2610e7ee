"""What becomes of a class of flows, as far as an audit tells outcomes apart: by what decides, and not by each address."""

from dataclasses import dataclass
from enum import IntEnum

from wayhome.clouds.endpoints import Endpoint
from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes
from wayhome.clouds.kubernetes.masquerading import masquerading_of
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.diagnosis.cause import Cause, Found
from wayhome.diagnosis.causes import find_cause
from wayhome.diagnosis.question import Asked, Question
from wayhome.diagnosis.situation import Situation
from wayhome.network import Drop, Evidence, Flow, Missing, Network, NodeKind, Verdict
from wayhome.policy import Action as PolicyAction
from wayhome.policy import Packet, Policy
from wayhome.trace import Lost, Trace


class Severity(IntEnum):
    """How bad an outcome is, the worst first.

    A lost reply is the worst: seen from the cloud's side the packet has arrived. What a filter refuses is often meant.
    That nobody has an address is no finding.
    """

    REPLY_LOST = 0
    LOST = 1
    REFUSED = 2
    UNDETERMINED = 3
    AMBIGUOUS = 4
    NOBODY = 5
    REACHABLE = 6


_REFUSALS = (Cause.DESTINATION_FIREWALL, Cause.NETWORK_POLICY)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`died_in` is the last network on the way on which it was lost. `because` says it of one flow that was asked."""

    verdict: Verdict
    cause: Cause | None
    drop: str | None
    lost: Lost | None
    died_in: str
    missing: tuple[Missing, ...]
    deciding: tuple[Evidence, ...]
    because: str
    confirm: str

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        match self.verdict:
            case Verdict.REACHABLE:
                return Severity.REACHABLE
            case Verdict.UNDETERMINED:
                return Severity.UNDETERMINED
            case Verdict.AMBIGUOUS:
                return Severity.AMBIGUOUS
        if self.lost is Lost.REPLY:
            return Severity.REPLY_LOST
        if self.drop == "UNKNOWN_INTERNAL_ADDRESS" and self.cause is Cause.NO_FORWARD_ROUTE:
            return Severity.NOBODY
        return Severity.REFUSED if self.cause in _REFUSALS else Severity.LOST


class Outcomes:
    """Finds the outcome of traces in one estate. Causes are looked for once for each way of being lost."""

    def __init__(self, estate: Estate, routes: EffectiveRoutes) -> None:
        self._estate, self._routes = estate, routes
        self._found: dict[object, Outcome] = {}
        self._not_live: dict[str, tuple[Policy, ...]] = {}

    def of(self, network: Network, trace: Trace, scope: str) -> Outcome:
        """The outcome of a trace whose source is in `scope`, a cluster."""
        key = (scope, self._would(trace, scope), *_way(network, trace))
        if key not in self._found:
            self._found[key] = self._outcome(network, trace)
        return self._found[key]

    def _would(self, trace: Trace, cluster: str) -> tuple[PolicyAction, ...]:
        """What the lists that have no effect would do: the cause may be that they have none."""
        if cluster not in self._not_live:
            nodes = self._estate.of(Node, cluster)
            found = (masquerading_of(self._estate, cluster, node).not_live for node in nodes)
            would = [one.would for of_node in found for one in of_node if one.would is not None]
            self._not_live[cluster] = tuple({id(one): one for one in would}.values())
        destination = trace.flow.destination
        packet = Packet(destination.family, destination.value)
        return tuple(policy.decide(packet).action for policy in self._not_live[cluster])

    def _outcome(self, network: Network, trace: Trace) -> Outcome:
        found = self._cause(network, trace) if trace.verdict is not Verdict.REACHABLE else None
        return Outcome(
            trace.verdict,
            found.cause if found else None,
            trace.drop.cause if trace.drop else None,
            trace.lost,
            _last_fabric(network, trace),
            trace.missing,
            found.deciding if found else (),
            found.because if found else "",
            found.confirm if found else "",
        )

    def _cause(self, network: Network, trace: Trace) -> Found | None:
        flow: Flow = trace.flow
        question = Question(trace.at, str(flow.destination), flow.protocol, flow.port)
        asked = Asked(Endpoint(trace.at, trace.at, flow.source), flow)
        return find_cause(Situation(self._estate, self._routes, network, question, asked, trace))


def _way(network: Network, trace: Trace) -> tuple[object, ...]:
    """What the cause of a loss may depend on: the networks on both ways, what dropped it, what it was translated to."""
    drop: Drop | None = trace.drop
    translated = trace.shown.result.packet.source != trace.flow.source
    died = (trace.reply or trace.forward)[-1].node
    kind = network.places[died].node.kind
    return (
        trace.verdict,
        trace.lost,
        None if drop is None else (drop.cause, drop.evidence),
        trace.missing,
        translated,
        _fabrics(network, trace),
        # Of many instances that refuse alike, the first one stands for all; a node that overlaps is itself the cause.
        kind if kind is not NodeKind.INSTANCE else died,
    )


def _fabrics(network: Network, trace: Trace) -> tuple[str, ...]:
    hops = (*trace.forward, *trace.reply)
    return tuple(h.node for h in hops if network.places[h.node].node.kind is NodeKind.FABRIC)


def _last_fabric(network: Network, trace: Trace) -> str:
    hops = trace.reply or trace.forward
    names = [h.node for h in hops if network.places[h.node].node.kind is NodeKind.FABRIC]
    return names[-1] if names else hops[-1].node
