"""GKE clusters (container v1). `masterAuth`, with its keys and password, is never read."""

from typing import ClassVar

from wayhome.clouds.gcp.resources.named import Named
from wayhome.clouds.resource import Part
from wayhome.clouds.values import Cidr, Reference


class AdditionalPodRanges(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Secondary ranges for Pods besides the cluster's own."""

    pod_range_names: tuple[str, ...] = ()


class IpAllocationPolicy(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Where Pods and Services get their addresses. VPC-native clusters use aliases, all others routes."""

    use_ip_aliases: bool = False
    use_routes: bool = False
    cluster_secondary_range_name: str = ""
    services_secondary_range_name: str = ""
    cluster_ipv4_cidr_block: Cidr | None = None
    services_ipv4_cidr_block: Cidr | None = None
    additional_pod_ranges_config: AdditionalPodRanges = AdditionalPodRanges()
    stack_type: str = ""


class DefaultSnatStatus(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Whether the masquerading that GKE sets up was switched off."""

    disabled: bool = False


class ClusterNetwork(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """The network as newer versions print it, with full names."""

    network: Reference | None = None
    subnetwork: Reference | None = None
    default_snat_status: DefaultSnatStatus = DefaultSnatStatus()
    datapath_provider: str = ""
    """LEGACY_DATAPATH or ADVANCED_DATAPATH (Dataplane V2)."""
    enable_intra_node_visibility: bool = False


class NetworkPolicyEnforcement(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Whether nodes enforce NetworkPolicy."""

    enabled: bool = False
    provider: str = ""


class AddonSwitch(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """An add-on's switch."""

    disabled: bool = False


class Addons(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Of the add-ons, the one that makes a difference to packets."""

    network_policy_config: AddonSwitch | None = None


class PrivateCluster(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """How nodes reach the control plane."""

    enable_private_nodes: bool = False
    master_ipv4_cidr_block: Cidr | None = None
    peering_name: str = ""


class NodeConfiguration(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """What instances of a pool are made with."""

    tags: tuple[str, ...] = ()
    service_account: str = ""


class NodePoolNetwork(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A pool's own range for Pods."""

    pod_range: str = ""
    pod_ipv4_cidr_block: Cidr | None = None


class NodePool(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A group of equal nodes."""

    name: str
    version: str = ""
    status: str = ""
    config: NodeConfiguration = NodeConfiguration()
    network_config: NodePoolNetwork = NodePoolNetwork()
    pod_ipv4_cidr_size: int | None = None
    instance_group_urls: tuple[Reference, ...] = ()


class Autopilot(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Whether Google runs the nodes."""

    enabled: bool = False


class Cluster(Named, frozen=True, kw_only=True, rename="camel", gc=False):
    """A cluster. Its full name is `projects/P/locations/L/clusters/C`, for zonal ones too."""

    KIND: ClassVar[str] = "container#cluster"
    COLLECTION: ClassVar[str] = "clusters"

    location: str = ""
    zone: str = ""
    """The location, in older exports."""
    status: str = ""
    network: str = ""
    """A bare name, of the cluster's own project."""
    subnetwork: str = ""
    network_config: ClusterNetwork = ClusterNetwork()
    cluster_ipv4_cidr: Cidr | None = None
    services_ipv4_cidr: Cidr | None = None
    node_ipv4_cidr_size: int | None = None
    ip_allocation_policy: IpAllocationPolicy = IpAllocationPolicy()
    network_policy: NetworkPolicyEnforcement = NetworkPolicyEnforcement()
    addons_config: Addons = Addons()
    private_cluster_config: PrivateCluster | None = None
    node_pools: tuple[NodePool, ...] = ()
    instance_group_urls: tuple[Reference, ...] = ()
    current_master_version: str = ""
    current_node_version: str = ""
    autopilot: Autopilot = Autopilot()
    endpoint: str = ""

    @property
    def network_name(self) -> str:
        """The network's full name: of a Shared VPC's host project where newer exports say so; or nothing."""
        if self.network_config.network:
            return self.network_config.network
        if "/" in self.network:
            return Reference(self.network)
        project = self.self_link.project
        return f"{project}/global/networks/{self.network}" if project and self.network else ""

    def owners(self) -> tuple[str, ...]:
        """The network."""
        return (self.network_name,) if self.network_name else ()
