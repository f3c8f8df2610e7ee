"""Why flows are lost: the closed list of causes, in words that say what to look at."""

from dataclasses import dataclass
from enum import StrEnum

from wayhome.network import Evidence


class Cause(StrEnum):
    """One cause. The order is that of the account's own search: from the network to the node."""

    NO_RETURN_ROUTE = "no-return-route"
    DESTINATION_FIREWALL = "destination-firewall"
    SOURCE_NOT_ALLOWED = "source-not-allowed"
    NO_FORWARD_ROUTE = "no-forward-route"
    TRANSITIVE_PEERING = "transitive-peering"
    ON_NODE_OVERLAP = "on-node-overlap"
    POD_RANGE_NOT_LISTED = "pod-range-not-listed"
    CONFIGURATION_NOT_LIVE = "configuration-not-live"
    FOREIGN_RULE = "foreign-rule"
    PINNED_FLOW = "pinned-flow"
    WRONG_INTERFACE = "wrong-interface"
    NETWORK_POLICY = "network-policy"
    MTU = "mtu"
    PORT_EXHAUSTION = "port-exhaustion"
    NOT_RUNNING = "not-running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A cause that was found.

    `because` says what sets it apart from its neighbours, `deciding` the objects that say so, and `confirm` is one
    command that shows it on the live system.
    """

    cause: Cause
    because: str
    deciding: tuple[Evidence, ...] = ()
    confirm: str = ""
    notes: tuple[str, ...] = ()
