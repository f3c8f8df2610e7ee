"""What a node's rules make of the first packet of a connection: its destination on the way in, its source on the way out."""

from dataclasses import dataclass

from wayhome.network import (
    Address,
    Ask,
    DestinationRule,
    Drop,
    Either,
    FallThrough,
    Keep,
    Masquerade,
    Node,
    Place,
    Port,
    Target,
    To,
    TranslationAction,
    TranslationRule,
)
from wayhome.policy import Action as PolicyAction
from wayhome.policy import Decision, Reason
from wayhome.policy import Packet as PolicyPacket
from wayhome.trace.forks import Fork, ForkKind, Forks
from wayhome.trace.hop import SKIP_MASQUERADING, Step
from wayhome.trace.matching import addresses_match, protocols_match
from wayhome.trace.packet import Packet

NO_ADDRESS = "NO_ADDRESS_TO_MASQUERADE_WITH"
"""The kernel drops what it shall masquerade by an interface without an address; no analyzer has a name for it."""

REASONS = {
    Reason.FAMILY: "NO_MASQUERADING_FOR_IPV6",
    Reason.LOCAL_DESTINATION: "DESTINATION_ON_SAME_NODE",
    Reason.NOT_FROM_A_POD: "POD_USES_NODE_NETWORK_NAMESPACE",
    Reason.MARKED: "MARKED_BY_KUBE_PROXY",
}


@dataclass(frozen=True, slots=True)
class Leaving:
    """A packet on its way out of a node."""

    packet: Packet
    port: Port
    local: bool
    mark: int


def destination_rule(node: Node, packet: Packet, port: Port | None) -> DestinationRule | None:
    """The first rule that is about the packet."""
    for rule in node.translation_in:
        if (
            (not rule.in_ports or (port is not None and port.name in rule.in_ports))
            and addresses_match(rule, packet, local=port is None)
            and protocols_match(rule, packet)
        ):
            return rule
    return None


def pick_target(targets: tuple[Target, ...], forks: Forks) -> Target:
    """One of the targets that flows spread over."""
    if len(targets) == 1:
        return targets[0]
    options = tuple(
        str(target.address) if target.port is None else f"{target.address} port {target.port}"
        for target in targets
    )
    return targets[
        forks.pick(Fork(ForkKind.SPREAD, options, "flows spread over the targets"), targets)
    ]


def source_of(
    place: Place, leaving: Leaving, forks: Forks, steps: list[Step]
) -> tuple[Address, TranslationRule] | Drop | None:
    """The new source and the rule that says so, None where it stays, or a drop. Tells in `steps` why it stays."""
    for chain in place.node.translation_out:
        rule = next((rule for rule in chain.rules if _matches(rule, leaving)), None)
        if rule is None:
            continue
        answer = _apply(rule, place, leaving, forks, steps)
        match answer:
            case FallThrough():
                continue
            case Keep():
                return None
            case Drop():
                return answer
            case _:
                return answer, rule
    return None


def _matches(rule: TranslationRule, leaving: Leaving) -> bool:
    return (
        (not rule.out_ports or leaving.port.name in rule.out_ports)
        and (rule.mark is None or rule.mark == leaving.mark)
        and addresses_match(rule, leaving.packet, local=leaving.local)
        and protocols_match(rule, leaving.packet)
    )


def _apply(
    rule: TranslationRule, place: Place, leaving: Leaving, forks: Forks, steps: list[Step]
) -> Address | Drop | Keep | FallThrough:
    action = _known(rule.action, forks)
    reason = rule.reason
    if isinstance(action, Ask):
        decision = action.policy.decide(_asked(place, leaving))
        if decision.action is PolicyAction.MASQUERADE:
            action = Masquerade()
        else:
            action, reason = action.kept, skip_reason(decision)
    match action:
        case Keep() | FallThrough():
            if reason:
                steps.append(Step(SKIP_MASQUERADING, reason, rule.evidence))
            return action
        case To(address):
            return address
        case Masquerade():
            family = leaving.packet.source.family
            own = place.own_address(family, leaving.port)
            return own or Drop(NO_ADDRESS, f"IPv{family:d}", rule.evidence)


def _known(action: TranslationAction, forks: Forks) -> Keep | FallThrough | Masquerade | To | Ask:
    while isinstance(action, Either):
        options = tuple(type(alternative).__name__.lower() for alternative in action.alternatives)
        fork = Fork(ForkKind.MISSING, options, action.missing.fact, action.missing)
        action = action.alternatives[forks.pick(fork, action)]
    return action


def _asked(place: Place, leaving: Leaving) -> PolicyPacket:
    packet = leaving.packet
    return PolicyPacket(
        family=packet.source.family,
        destination=packet.destination.value,
        source=packet.source.value,
        destination_is_local=place.is_local(packet.destination),
        source_is_local=leaving.local or place.is_local(packet.source),
        marked=leaving.mark != 0,
    )


def skip_reason(decision: Decision) -> str:
    """Why a policy keeps an address, in the words of Google's IpMasqueradingSkippedInfo, with the entry behind them."""
    entry = decision.entry
    if entry is None:
        return REASONS.get(decision.reason, decision.reason.name)
    origin = "DEFAULT" if entry.origin.line is None else "CONFIGURED"
    return f"DESTINATION_IP_IN_{origin}_NON_MASQUERADE_RANGE: {entry.prefix}, {entry.origin}"
