"""NetworkPolicies (networking.k8s.io/v1)."""

from typing import ClassVar

import msgspec

from wayhome.clouds.kubernetes.resources.metadata import KubernetesObject, LabelSelector
from wayhome.clouds.resource import Part
from wayhome.clouds.values import Cidr, PortNumber


class IpBlock(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A range without some of its parts."""

    cidr: Cidr
    except_: tuple[Cidr, ...] | None = msgspec.field(name="except", default=None)


class PolicyPeer(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Who: Pods by labels, of namespaces by labels; or a range."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IpBlock | None = None


class PolicyPort(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A port by number or by a container port's name, up to `end_port`; none: all of the protocol."""

    protocol: str | None = None
    port: PortNumber | str | None = None
    end_port: PortNumber | None = None


class IngressRule(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Allows these ports from these peers; nothing said means all."""

    from_: tuple[PolicyPeer, ...] | None = msgspec.field(name="from", default=None)
    ports: tuple[PolicyPort, ...] | None = None


class EgressRule(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Allows these ports to these peers; nothing said means all."""

    to: tuple[PolicyPeer, ...] | None = None
    ports: tuple[PolicyPort, ...] | None = None


class NetworkPolicySpec(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """The Pods that it is about, and what they may."""

    pod_selector: LabelSelector = LabelSelector()
    policy_types: tuple[str, ...] | None = None
    """Ingress, Egress; not said: Ingress, and Egress if there are rules for it."""
    ingress: tuple[IngressRule, ...] | None = None
    egress: tuple[EgressRule, ...] | None = None


class NetworkPolicy(KubernetesObject, frozen=True, kw_only=True, rename="camel", gc=False):
    """A NetworkPolicy."""

    KIND: ClassVar[str] = "NetworkPolicy"
    COLLECTION: ClassVar[str] = "networkpolicies"

    spec: NetworkPolicySpec = NetworkPolicySpec()
