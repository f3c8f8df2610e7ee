"""EgressNATPolicy (networking.gke.io): which destinations Autopilot and Dataplane V2 do not masquerade."""

from typing import ClassVar

from wayhome.clouds.kubernetes.resources.metadata import KubernetesObject
from wayhome.clouds.resource import Part
from wayhome.clouds.values import Cidr


class Destination(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A range that keeps the Pod's address."""

    cidr: Cidr


class EgressNatPolicySpec(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """`action` is NoSNAT."""

    action: str = ""
    destinations: tuple[Destination, ...] | None = None


class EgressNatPolicy(KubernetesObject, frozen=True, kw_only=True, rename="camel", gc=False):
    """An EgressNATPolicy."""

    KIND: ClassVar[str] = "EgressNATPolicy"
    COLLECTION: ClassVar[str] = "egressnatpolicies"

    spec: EgressNatPolicySpec = EgressNatPolicySpec()
