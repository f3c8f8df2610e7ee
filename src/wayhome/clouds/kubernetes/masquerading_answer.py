"""What can be said of a node's masquerading: what it rests on, what it decides, and which lists have no effect."""

import enum
from dataclasses import dataclass

from wayhome.network.evidence import Evidence
from wayhome.network.missing import Missing
from wayhome.policy import Policy, Settings
from wayhome.policy.configuration import defaults


class Basis(enum.Enum):
    """What the masquerading rests on."""

    CONFIGURATION = "the agent's ConfigMap"
    AGENT_DEFAULTS = "the agent's defaults"
    NODE_DEFAULTS = "GKE's default rules on the node"
    KUBELET = "kubelet's --non-masquerade-cidr"
    EGRESS_NAT_POLICY = "EgressNATPolicy"
    SNAT_DISABLED = "default SNAT is switched off"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotLive:
    """A configuration that is there and has no effect.

    `would` is what the nodes would hold if it had; None where it is no good configuration.
    """

    problem: str
    instead: str
    evidence: Evidence
    would: Policy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Masquerading:
    """One node's. `policies` has one element where it is known; None in it: no address is ever translated."""

    basis: Basis
    policies: tuple[Policy | None, ...]
    evidence: tuple[Evidence, ...] = ()
    missing: Missing | None = None
    not_live: tuple[NotLive, ...] = ()

    @property
    def known(self) -> bool:
        """Whether there is only one answer."""
        return self.missing is None


UNSEEN: tuple[Policy | None, ...] = (Policy(()), None)
"""What a list may say that nobody has seen: of each destination that it is masqueraded to, or that it is not."""


def fallback_policy(*, all_reserved_ranges: bool = True) -> Policy:
    """GKE's own rules: the list of an agent with --nomasq-all-reserved-ranges."""
    return defaults(Settings(all_reserved_ranges=all_reserved_ranges)).policy
