"""Whether a rule of routing or translation is about a packet at a node."""

from wayhome.network import DestinationRule, RoutingRule, TranslationRule, any_matches
from wayhome.trace.packet import Packet


def addresses_match(
    rule: RoutingRule | TranslationRule | DestinationRule, packet: Packet, *, local: bool
) -> bool:
    """The conditions that all rules have: the addresses, and whether the node itself sent the packet."""
    return (
        (rule.locally_sent is None or rule.locally_sent is local)
        and (rule.destinations is None or packet.destination in rule.destinations)
        and (rule.sources is None or packet.source in rule.sources)
    )


def protocols_match(rule: TranslationRule | DestinationRule, packet: Packet) -> bool:
    """The condition that rules of translation have besides."""
    return any_matches(rule.protocols, packet.protocol, packet.destination_port)
