"""What a node does with its Pods' addresses, derived from what the cluster says.

| the cluster | a destination outside the list |
| --- | --- |
| an EgressNATPolicy (Autopilot, Dataplane V2) | the policies' destinations keep the Pod's address |
| an agent, and a valid list where it reads | that list |
| an agent, and no list there | the agent's defaults: 3 ranges, or 11 with --nomasq-all-reserved-ranges |
| an agent, and a list that it refuses | what it held before, which nobody outside of the node can know |
| no agent, default SNAT switched off | the Pod's address, everywhere |
| no agent, GKE before 1.14 | kubelet masquerades what leaves 10.0.0.0/8 |
| no agent, GKE since then | GKE's own rules on the node: the 11 ranges |
| no agent, no GKE | what the network plugin does: unknown |

A list that exists and has no effect is as important as the one that has: `not_live` says why, and what it would hold.

Source: Google's "IP masquerade agent" (the table of configurations), the node's configure-helper.sh, kubelet's
--non-masquerade-cidr, and the sources of the agents.
"""

import enum
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.knowledge import State
from wayhome.clouds.kubernetes.agents import (
    DEFAULT_KEY,
    DEFAULT_NAME,
    SYSTEM_NAMESPACE,
    Agent,
    ConfigSource,
    Program,
    agents_of,
)
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.daemon_set import DaemonSet
from wayhome.clouds.kubernetes.resources.egress_nat_policy import EgressNatPolicy
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.located import Located
from wayhome.network.evidence import Evidence
from wayhome.network.missing import Missing
from wayhome.policy import Action, Entry, Origin, Policy, Settings
from wayhome.policy.configmaps import SEVERAL
from wayhome.policy.configuration import defaults
from wayhome.policy.file_format import UPSTREAM, FileFormat
from wayhome.policy.findings import quote
from wayhome.policy.fragments import AZURE
from wayhome.policy.policy import LINK_LOCAL
from wayhome.policy.united import pack
from wayhome.prefixes import Family, Prefix

KUBELET_RANGE = "10.0.0.0/8"
KUBELET_UNTIL = (1, 14)


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


_UNSEEN: tuple[Policy | None, ...] = (Policy(()), None)
"""What a list may say that nobody has seen: of each destination that it is masqueraded to, or that it is not."""


def masquerading_of(estate: Estate, cluster: str, node: Located[Node]) -> Masquerading:
    """What `node` does, a node of the cluster with the full name `cluster`."""
    found = _Cluster(estate, cluster)
    agent, unknown = found.agent_on(node)
    if egress := found.egress_nat_policies():
        return _egress(egress)
    if agent is not None:
        return _with_agent(found, agent, node)
    without = _without_agent(found, node)
    if unknown is None:
        return without
    assumed = found.assumed_agent()
    policies = {*without.policies, *(assumed.policies if assumed else _UNSEEN)}
    if len(policies) == 1:
        return without
    return replace(without, basis=Basis.UNKNOWN, policies=tuple(policies), missing=unknown)


def agent_of(estate: Estate, cluster: str, node: Located[Node]) -> Agent | None:
    """The masquerade agent that runs on the node, as far as the DaemonSets say."""
    agent, _ = _Cluster(estate, cluster).agent_on(node)
    return agent


def fallback_policy(*, all_reserved_ranges: bool = True) -> Policy:
    """GKE's own rules: the list of an agent with --nomasq-all-reserved-ranges."""
    return defaults(Settings(all_reserved_ranges=all_reserved_ranges)).policy


@dataclass(frozen=True, slots=True)
class _Cluster:
    """What the estate says about one cluster."""

    estate: Estate
    name: str

    @property
    def gke(self) -> Located[Cluster] | None:
        return self.estate.get(Cluster, self.name)

    def egress_nat_policies(self) -> tuple[Located[EgressNatPolicy], ...]:
        return tuple(
            policy
            for policy in self.estate.of(EgressNatPolicy, self.name)
            if policy.value.spec.action in ("", "NoSNAT")
        )

    def agent_on(self, node: Located[Node]) -> tuple[Agent | None, Missing | None]:
        """The agent that runs on the node, or that it is not known whether one does."""
        all_of_them = {one.name: one for one in self.estate.of(DaemonSet, self.name)}
        for agent in agents_of(all_of_them):
            if agent.runs_on(node):
                return agent, None
        if self.estate.knows(DaemonSet, self.name).state is State.EXPORTED:
            return None, None
        return None, Missing(
            f"whether a masquerade agent runs on {node.value.metadata.name}",
            "kubectl get daemonsets --all-namespaces -o json",
        )

    def agents(self) -> Iterator[Agent]:
        return agents_of({one.name: one for one in self.estate.of(DaemonSet, self.name)})

    def config_maps(self) -> Mapping[tuple[str, str], Located[ConfigMap]]:
        return {
            (one.value.metadata.namespace, one.value.metadata.name): one
            for one in self.estate.of(ConfigMap, self.name)
        }

    def knows_config_map(self, source: ConfigSource) -> bool:
        scope = f"{self.name}/k8s/namespaces/{source.namespace}"
        return self.estate.knows(ConfigMap, scope).state is State.EXPORTED

    def assumed_agent(self) -> Masquerading | None:
        """What GKE's own agent would do, if it ran; None where that is not known either."""
        source = ConfigSource(SYSTEM_NAMESPACE, DEFAULT_NAME, DEFAULT_KEY)
        settings = Settings(all_reserved_ranges=True)
        return _held(self, (source,), settings, UPSTREAM, ())


def _egress(policies: tuple[Located[EgressNatPolicy], ...]) -> Masquerading:
    kept = [
        Entry(destination.cidr.prefix, Action.KEEP, Origin("destinations"))
        for policy in policies
        for destination in policy.value.spec.destinations or ()
    ]
    link_local = Entry(LINK_LOCAL[Family.IPV4], Action.KEEP, Origin("masqLinkLocal"))
    unique = {entry.prefix: entry for entry in (link_local, *kept)}
    return Masquerading(
        basis=Basis.EGRESS_NAT_POLICY,
        policies=(Policy(tuple(unique.values())),),
        evidence=tuple(policy.at("spec", "destinations") for policy in policies),
    )


def _with_agent(found: _Cluster, agent: Agent, node: Located[Node]) -> Masquerading:
    settings = agent.settings
    if agent.scope_of_pods and not settings.pod_cidrs:
        settings = replace(settings, pod_cidrs=pod_ranges(node) or None)
    file_format = UPSTREAM if len(agent.sources) < 2 else SEVERAL
    if agent.program is Program.AZURE:
        file_format = AZURE
    held = _held(found, agent.sources, settings, file_format, (agent.evidence,))
    if held is None:
        wanted = agent.sources[0]
        return Masquerading(
            basis=Basis.UNKNOWN,
            policies=(defaults(settings).policy, *_UNSEEN),
            evidence=(agent.evidence,),
            missing=Missing(
                f"what the ConfigMap {wanted.namespace}/{wanted.name} says",
                f"kubectl get configmap {shlex.quote(wanted.name)} --namespace {shlex.quote(wanted.namespace)} -o json",
            ),
        )
    return replace(
        held, not_live=(*held.not_live, *_read_by_nobody(found, agent.sources, settings))
    )


def _held(
    found: _Cluster,
    sources: tuple[ConfigSource, ...],
    settings: Settings,
    file_format: FileFormat,
    evidence: tuple[Evidence, ...],
) -> Masquerading | None:
    """What an agent holds that reads there; None where it is not known what is there."""
    config_maps = found.config_maps()
    texts: dict[str, bytes] = {}
    places: list[Evidence] = []
    not_live: list[NotLive] = []
    for source in sources:
        config_map = config_maps.get((source.namespace, source.name))
        if config_map is None:
            if not found.knows_config_map(source):
                return None
            continue
        read = _read(config_map, source)
        if not read:
            not_live.append(_wrong_key(config_map, source, settings))
        for key, text in read.items():
            if text is None:
                return None
            texts[f"{source.namespace}/{source.name}" if source.key else key] = text.encode(
                "utf-8", "surrogatepass"
            )
            places.append(config_map.at("data", key))
    if not texts:
        return Masquerading(
            basis=Basis.AGENT_DEFAULTS,
            policies=(defaults(settings).policy,),
            evidence=evidence,
            not_live=tuple(not_live),
        )
    data = next(iter(texts.values())) if file_format is UPSTREAM else pack(texts)
    if file_format.is_empty(data):
        policy: Policy | None = file_format.empty(settings).policy
        return Masquerading(
            basis=Basis.AGENT_DEFAULTS, policies=(policy,), evidence=(*places, *evidence)
        )
    parsed = file_format.parse(data, settings)
    if parsed.configuration is None:
        return _refused(places, str(parsed.errors[0]), settings, not_live)
    return Masquerading(
        basis=Basis.CONFIGURATION,
        policies=(parsed.configuration.policy,),
        evidence=(*places, *evidence),
        not_live=tuple(not_live),
    )


def _read(config_map: Located[ConfigMap], source: ConfigSource) -> dict[str, str | None]:
    data = config_map.value.data or {}
    if source.key is None:
        return {key: text for key, text in data.items() if key.startswith("ip-masq")}
    return {source.key: data[source.key]} if source.key in data else {}


def _refused(
    places: list[Evidence], problem: str, settings: Settings, not_live: list[NotLive]
) -> Masquerading:
    """An agent that runs keeps what it held; one that starts holds nothing, and GKE's rules stay."""
    wrong = NotLive(
        problem=f"the configuration is refused: {problem}",
        instead="mend it; `wayhome policy lint` says what is wrong, at which line",
        evidence=places[0],
    )
    return Masquerading(
        basis=Basis.UNKNOWN,
        policies=(defaults(settings).policy, fallback_policy(), *_UNSEEN),
        evidence=tuple(places),
        missing=Missing(
            "what the node has held since its agent refused the configuration",
            "iptables-save -t nat, on the node (`wayhome collect --node` does it)",
        ),
        not_live=(wrong, *not_live),
    )


def _wrong_key(config_map: Located[ConfigMap], source: ConfigSource, settings: Settings) -> NotLive:
    keys = [*(config_map.value.data or {}), *(config_map.value.binary_data or {})]
    where = f"the ConfigMap {source.namespace}/{source.name}"
    if not keys:
        return NotLive(
            problem=f"{where} holds no data",
            instead=f"put the list below data.{source.key}",
            evidence=config_map.evidence,
        )
    text = next((text for text in (config_map.value.data or {}).values() if text), "")
    return NotLive(
        problem=f"{where} has the key {quote(keys[0])} and not {source.key}, which the agent reads",
        instead=f"kubectl create configmap {shlex.quote(source.name)} --from-file={shlex.quote(f'{source.key}=FILE')} --namespace {shlex.quote(source.namespace)}",
        evidence=config_map.at("data", keys[0]),
        would=_policy_of(text, settings),
    )


def _read_by_nobody(
    found: _Cluster, sources: tuple[ConfigSource, ...], settings: Settings
) -> Iterator[NotLive]:
    """ConfigMaps of the usual name, in a namespace where no agent looks."""
    read = {(source.namespace, source.name) for source in sources}
    names = {source.name for source in sources} | {DEFAULT_NAME}
    for place, config_map in found.config_maps().items():
        if place in read or place[1] not in names:
            continue
        text = (config_map.value.data or {}).get(DEFAULT_KEY)
        wanted = (
            sources[0] if sources else ConfigSource(SYSTEM_NAMESPACE, DEFAULT_NAME, DEFAULT_KEY)
        )
        yield NotLive(
            problem=f"no agent reads the ConfigMap {place[0]}/{place[1]}"
            + ("" if sources else ": none runs here"),
            instead=f"create it as {wanted.namespace}/{wanted.name}"
            if sources
            else "deploy an agent (the DaemonSet ip-masq-agent, or wayhome's)",
            evidence=config_map.evidence,
            would=_policy_of(text or "", settings),
        )


def _policy_of(text: str, settings: Settings) -> Policy | None:
    parsed = UPSTREAM.parse(text.encode("utf-8", "surrogatepass"), settings)
    return parsed.configuration.policy if text and parsed.configuration else None


def _without_agent(found: _Cluster, node: Located[Node]) -> Masquerading:
    not_live = tuple(_read_by_nobody(found, (), Settings(all_reserved_ranges=True)))
    gke = found.gke
    if gke is None:
        return _not_gke(node, not_live)
    version = version_of(node, gke)
    if gke.value.network_config.default_snat_status.disabled:
        return Masquerading(
            basis=Basis.SNAT_DISABLED,
            policies=(None,),
            evidence=(gke.at("networkConfig", "defaultSnatStatus", "disabled"),),
            not_live=not_live,
        )
    if version is None:
        return Masquerading(
            basis=Basis.UNKNOWN,
            policies=(fallback_policy(), _kubelet_policy()),
            missing=Missing(
                f"the version of {node.value.metadata.name}", "kubectl get nodes -o json"
            ),
            not_live=not_live,
        )
    if version < KUBELET_UNTIL:
        return Masquerading(
            basis=Basis.KUBELET,
            policies=(_kubelet_policy(),),
            evidence=(node.at("status", "nodeInfo", "kubeletVersion"),),
            not_live=not_live,
        )
    return Masquerading(
        basis=Basis.NODE_DEFAULTS,
        policies=(fallback_policy(),),
        evidence=(gke.evidence,),
        not_live=not_live,
    )


def _not_gke(node: Located[Node], not_live: tuple[NotLive, ...]) -> Masquerading:
    return Masquerading(
        basis=Basis.UNKNOWN,
        policies=(fallback_policy(), *_UNSEEN),
        missing=Missing(
            f"what translates the addresses of Pods on {node.value.metadata.name}: its cluster is not among the "
            "clusters in the exports, and no agent runs in it",
            "gcloud container clusters list --format=json",
        ),
        not_live=not_live,
    )


def _kubelet_policy() -> Policy:
    return Policy((Entry(Prefix.parse(KUBELET_RANGE), Action.KEEP, Origin("non-masquerade-cidr")),))


def version_of(node: Located[Node], cluster: Located[Cluster]) -> tuple[int, int] | None:
    """The node's Kubernetes version, major and minor."""
    said = (
        node.value.status.node_info.kubelet_version,
        cluster.value.current_node_version,
    )
    for text in said:
        if match := re.match(r"v?(\d+)\.(\d+)", text):
            return int(match[1]), int(match[2])
    return None


def pod_ranges(node: Located[Node]) -> tuple[Prefix, ...]:
    """The ranges from which the node gives addresses to its Pods."""
    spec = node.value.spec
    ranges = spec.pod_cidrs or ((spec.pod_cidr,) if spec.pod_cidr else ())
    return tuple(one.prefix for one in ranges)
