"""What none of the repairs changes, with the reason: no cause ends without a repair or a sentence that says why not.

A replay changes what was exported. What lies with somebody else (the other end of a tunnel, the owner of a policy or of a
service), in machines that would have to be made first, or in packets and connections that no export holds, it cannot
try; then it is said what would have to be done, and by whom.
"""

from collections.abc import Callable, Iterator

from wayhome.clouds.gcp.compile.service_endpoints import NOT_ACCEPTED
from wayhome.clouds.gcp.resources.firewall_policy import EffectiveFirewalls, FirewallPolicy
from wayhome.clouds.kubernetes.services import NO_ENDPOINTS
from wayhome.diagnosis.cause import Cause, Found
from wayhome.diagnosis.causes.ends import NO_BACKENDS
from wayhome.diagnosis.causes.policy_rule import said_of
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.gcloud import short
from wayhome.diagnosis.repairs.proposal import NotPossible, Proposal
from wayhome.diagnosis.repairs.source import range_of_source
from wayhome.diagnosis.situation import Situation
from wayhome.network import NodeKind
from wayhome.trace import Lost

_SELECTORS = frozenset(
    {
        "VPN_TUNNEL_LOCAL_SELECTOR_MISMATCH",
        "VPN_TUNNEL_REMOTE_SELECTOR_MISMATCH",
        "NO_TRAFFIC_SELECTOR_TO_GCP_DESTINATION",
    }
)


def beyond(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Why the cause of a lost flow is not put right itself."""
    scene = Scene.of(situation)
    if scene is not None:
        yield from (found for reason in _REASONS if (found := reason(scene)) is not None)


def beyond_doubt(found: Found) -> Iterator[NotPossible]:
    """Why what happens at times is not tried."""
    if found.cause in _AT_TIMES:
        yield NotPossible(*_AT_TIMES[found.cause])


def _selectors(scene: Scene) -> NotPossible | None:
    if scene.drop.cause not in _SELECTORS:
        return None
    name = short(scene.node.name)
    return NotPossible(
        "change-selectors",
        f"the traffic selectors of {name} cannot be changed: the tunnel is made anew with some that hold "
        f"{scene.seen_source} and {scene.towards}, its other end has to agree, and nothing passes meanwhile",
    )


def _policy(scene: Scene) -> NotPossible | None:
    evidence = scene.drop.evidence
    estate = scene.situation.estate
    if scene.drop.cause != "FIREWALL_RULE" or evidence is None:
        return None
    effective = estate.get(EffectiveFirewalls, evidence.object) is not None
    if not (effective and "/firewallPolicys/" in evidence.pointer) and estate.get(FirewallPolicy, evidence.object) is None:  # fmt: skip
        return None
    return NotPossible(
        "change-policy",
        f"{said_of(estate, evidence)} counts before the network's own rules: who may edit the policy has to allow "
        f"{range_of_source(scene.situation)} there, with a lower number (gcloud compute firewall-policies, or "
        "network-firewall-policies, rules create)",
    )


def _nobody(scene: Scene) -> NotPossible | None:
    if scene.drop.cause != "UNKNOWN_INTERNAL_ADDRESS" or scene.lost is not Lost.FORWARD:
        return None
    return NotPossible(
        "give-address",
        f"nothing that was exported has {scene.towards}: write another address, or make what shall have it",
    )


def _from_internet(scene: Scene) -> NotPossible | None:
    asks = scene.situation.network.places[scene.situation.asked.source.node].node
    if asks.kind is not NodeKind.INTERNET or scene.node.kind is not NodeKind.INTERNET:
        return None
    return NotPossible(
        "public-path",
        f"nothing on the internet leads to {scene.towards}: ask for a public address of the destination, or of a balancer before it",
    )


def _backends(scene: Scene) -> NotPossible | None:
    if scene.drop.cause != NO_BACKENDS:
        return None
    name = scene.drop.evidence.object if scene.drop.evidence else scene.node.name
    return NotPossible(
        "add-backend",
        f"which group of instances shall stand behind {short(name)} no export says; it is put there with gcloud compute "
        "backend-services add-backend",
    )


def _endpoints(scene: Scene) -> NotPossible | None:
    if scene.drop.cause != NO_ENDPOINTS:
        return None
    return NotPossible("start", "the Service needs a Pod that its selector fits and that is ready")


def _connection(scene: Scene) -> NotPossible | None:
    if scene.drop.cause != NOT_ACCEPTED:
        return None
    return NotPossible(
        "accept-connection",
        f"who owns the service has to accept the connection of {short(scene.node.name)}, or of its project",
    )


_REASONS: tuple[Callable[[Scene], NotPossible | None], ...] = (
    _selectors,
    _policy,
    _nobody,
    _from_internet,
    _backends,
    _endpoints,
    _connection,
)
_AT_TIMES = {
    Cause.MTU: (
        "one-mtu",
        (
            "no export shows the size of packets, so that no replay could tell: give the node's interfaces and the Pods' the MTU "
            "of the smallest network on the way, or the networks the same one (gcloud compute networks update --mtu, "
            "with all of their instances stopped)"
        ),
    ),
    Cause.PINNED_FLOW: (
        "end-connections",
        (
            "nothing in the configuration is wrong any more: the connections that are open have to be opened anew, or ended "
            "on the node by the command above"
        ),
    ),
    Cause.PORT_EXHAUSTION: (
        "more-ports",
        (
            "no replay counts connections: fewer of them to one destination and port, Pods on more nodes, a way that needs no "
            "masquerading, or, where the node's table is full, a greater net.netfilter.nf_conntrack_max"
        ),
    ),
}
