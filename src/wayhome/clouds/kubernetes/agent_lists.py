"""What an agent holds by the ConfigMaps that it reads, and which ConfigMaps nobody reads as they were meant."""

import shlex
from collections.abc import Iterator
from dataclasses import replace

from wayhome.clouds.kubernetes.agents import (
    DEFAULT_KEY,
    DEFAULT_NAME,
    SYSTEM_NAMESPACE,
    Agent,
    ConfigSource,
    Program,
)
from wayhome.clouds.kubernetes.cluster_facts import ClusterFacts, pod_ranges
from wayhome.clouds.kubernetes.masquerading_answer import (
    UNSEEN,
    Basis,
    Masquerading,
    NotLive,
    fallback_policy,
)
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.located import Located
from wayhome.network.evidence import Evidence
from wayhome.network.missing import Missing
from wayhome.policy import Policy, Settings
from wayhome.policy.configmaps import SEVERAL
from wayhome.policy.configuration import defaults
from wayhome.policy.file_format import UPSTREAM, FileFormat
from wayhome.policy.findings import quote
from wayhome.policy.fragments import AZURE
from wayhome.policy.united import pack


def with_agent(found: ClusterFacts, agent: Agent, node: Located[Node]) -> Masquerading:
    """What the agent on a node holds."""
    settings = agent.settings
    if agent.scope_of_pods and not settings.pod_cidrs:
        settings = replace(settings, pod_cidrs=pod_ranges(node) or None)
    if settings.ipv6 is None and not settings.pod_cidrs:
        settings = replace(settings, ipv6=False)  # then it is upstream's scope
    file_format = UPSTREAM if len(agent.sources) < 2 else SEVERAL
    if agent.program is Program.AZURE:
        file_format = AZURE
    held = _held(found, agent.sources, settings, file_format, (agent.evidence,))
    if held is None:
        wanted = agent.sources[0]
        return Masquerading(
            basis=Basis.UNKNOWN,
            policies=(defaults(settings).policy, *UNSEEN),
            evidence=(agent.evidence,),
            missing=Missing(
                f"what the ConfigMap {wanted.namespace}/{wanted.name} says",
                f"kubectl get configmap {shlex.quote(wanted.name)} --namespace {shlex.quote(wanted.namespace)} -o json",
            ),
        )
    if agent.watches_api and held.not_live and held.known:
        held = _kept(held)
    return replace(held, not_live=(*held.not_live, *read_by_nobody(found, agent.sources, settings)))


def assumed_agent(found: ClusterFacts) -> Masquerading | None:
    """What GKE's own agent would do, if it ran; None where that is not known either."""
    source = ConfigSource(SYSTEM_NAMESPACE, DEFAULT_NAME, DEFAULT_KEY)
    return _held(found, (source,), Settings(all_reserved_ranges=True), UPSTREAM, ())


def _held(
    found: ClusterFacts,
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
        policies=(defaults(settings).policy, fallback_policy(), *UNSEEN),
        evidence=tuple(places),
        missing=Missing(
            "what the node has held since its agent refused the configuration",
            "iptables-save -t nat, on the node (`wayhome collect --node` does it)",
        ),
        not_live=(wrong, *not_live),
    )


def _kept(held: Masquerading) -> Masquerading:
    """An agent that watches the API rejects a ConfigMap without its key, and keeps the last good list if it had one.

    One that reads files is shown none, and has its defaults.
    """
    return replace(
        held,
        basis=Basis.UNKNOWN,
        policies=(*held.policies, *UNSEEN),
        missing=Missing(
            "what the node has held since its agent rejected the ConfigMap",
            "iptables-save -t nat, on the node (`wayhome collect --node` does it)",
        ),
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


def read_by_nobody(
    found: ClusterFacts, sources: tuple[ConfigSource, ...], settings: Settings
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
