"""Masquerade: the destination sees the node's address instead of the Pod's, and that one it can answer.

The new list is the one that the nodes hold now, without the destination's range, and with the cluster's own ranges
where it lacked them: the smallest change, so that nothing else is translated that was not before. It is written for the
agent that the cluster has; upstream's knows no exceptions and gets the ranges around them.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec

from wayhome.clouds.kubernetes.agents import (
    DEFAULT_KEY,
    Agent,
    ConfigSource,
    Program,
)
from wayhome.clouds.kubernetes.masquerading import agent_of, masquerading_of
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.metadata import Metadata
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.located import Located
from wayhome.diagnosis.repairs.proposal import Changes, NotPossible, Proposal
from wayhome.diagnosis.repairs.ranges import (
    node_ranges_of,
    pod_ranges_of,
    range_of,
    service_ranges_of,
)
from wayhome.diagnosis.situation import Situation
from wayhome.network import Evidence
from wayhome.policy import Action, Configuration, Policy, Settings
from wayhome.policy.configuration import parse
from wayhome.policy.lists import Lists, TooManyRangesError, lists_for_upstream, shortest_lists
from wayhome.policy.written import written
from wayhome.prefixes import Family, Prefix

KIND = "masquerade"
DEFAULT_LIMIT, MOST_RANGES = 64, 1000
"""Upstream's cidrLimit, and the most that a list is written with."""


def masquerade(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Have the source's Pods masqueraded towards the destination's range."""
    pod = situation.estate.get(Pod, situation.asked.source.node)
    if pod is None or situation.asked.flow.destination.family is not Family.IPV4:
        return
    node = _node_of(situation, pod)
    if node is None:
        yield NotPossible(KIND, f"the node {pod.value.spec.node_name} of the Pod is not exported")
        return
    cluster = node.name.partition("/k8s/")[0]
    agent = agent_of(situation.estate, cluster, node)
    if agent is None or not agent.sources or agent.sources[0].key is None:
        yield NotPossible(
            KIND,
            f"no agent that reads a list runs on {node.value.metadata.name}; deploy ip-masq-agent or wayhome's first",
        )
        return
    yield from _proposal(situation, cluster, node, agent)


def _node_of(situation: Situation, pod: Located[Pod]) -> Located[Node] | None:
    cluster = pod.name.partition("/k8s/")[0]
    for node in situation.estate.of(Node, cluster):
        if node.value.metadata.name == pod.value.spec.node_name:
            return node
    return None


@dataclass(frozen=True, slots=True)
class _Lists:
    """The new list in both forms."""

    for_wayhome: str
    for_upstream: str


def _proposal(
    situation: Situation, cluster: str, node: Located[Node], agent: Agent
) -> Iterator[Proposal | NotPossible]:
    estate = situation.estate
    destination = range_of(estate, situation.asked.flow.destination)
    own = (
        *pod_ranges_of(estate, cluster),
        *service_ranges_of(estate, cluster),
        *node_ranges_of(estate, cluster),
    )
    if any(one.holds(destination) for one in own):
        yield NotPossible(KIND, f"{destination} lies in a range of the cluster itself")
        return
    held = masquerading_of(estate, cluster, node).policies[0]
    try:
        lists = _lists(held, destination, own)
    except TooManyRangesError as error:
        yield NotPossible(KIND, str(error))
        return
    source = agent.sources[0]
    text = lists.for_wayhome if agent.program is Program.WAYHOME else lists.for_upstream
    alone = ", ".join(map(str, own[:3]))
    other = (
        f"an agent of wayhome's takes the shorter form:\n{lists.for_wayhome}"
        if agent.program is not Program.WAYHOME and lists.for_wayhome != lists.for_upstream
        else ""
    )
    before = _current(situation, cluster, source)
    after = _config_map(cluster, source, text, before)
    yield Proposal(
        kind=KIND,
        summary=f"Pods get their node's address towards {destination}",
        changes=Changes(changed=(after,)) if before else Changes(created=(after,)),
        commands=(_write(source, text, there=before is not None),),
        undo=(_undo(source, before),),
        notes=(
            f"{destination} then sees nodes and no Pods: rules there that know Pods by their addresses do not match",
            f"a list of {alone} alone would masquerade every other private destination too: other peers, VPNs",
            *((other,) if other else ()),
        ),
    )


def _lists(held: Policy | None, destination: Prefix, own: tuple[Prefix, ...]) -> _Lists:
    """The list that is held, without the destination and with the cluster's own ranges."""
    entries = held.entries if held else ()
    kept = [e.prefix for e in entries if e.action is Action.KEEP and not e.origin.is_link_local]
    if held is None:
        kept = [Prefix(Family.IPV4, 0, 0)]  # nothing is translated today
    masqueraded = [e.prefix for e in entries if e.action is Action.MASQUERADE]
    kept += [one for one in own if not any(prefix.holds(one) for prefix in kept)]
    kept = [prefix for prefix in kept if not destination.holds(prefix) or prefix in own]
    lines = ["nonMasqueradeCIDRs:", *(f"  - {prefix}" for prefix in kept), "masqueradeCIDRs:"]
    lines += [f"  - {prefix}" for prefix in dict.fromkeys((*masqueraded, destination))]
    configuration = _parsed("\n".join([*lines, f"cidrLimit: {MOST_RANGES}", ""]))
    return _Lists(
        _written(configuration, shortest_lists(configuration)),
        _written(configuration, lists_for_upstream(configuration)),
    )


def _written(configuration: Configuration, lists: Lists) -> str:
    """Upstream's limit stays where it is enough."""
    return written(replace(configuration, cidr_limit=max(DEFAULT_LIMIT, len(lists))), lists)


def _parsed(text: str) -> Configuration:
    parsed = parse(text.encode(), Settings())
    if parsed.configuration is None:
        raise AssertionError(f"our own list is refused: {parsed.errors[0]}")
    return parsed.configuration


def _current(situation: Situation, cluster: str, source: ConfigSource) -> Located[ConfigMap] | None:
    return situation.estate.get(ConfigMap, _full_name(cluster, source))


def _full_name(cluster: str, source: ConfigSource) -> str:
    return f"{cluster}/k8s/namespaces/{source.namespace}/configmaps/{source.name}"


def _config_map(
    cluster: str, source: ConfigSource, text: str, before: Located[ConfigMap] | None
) -> Located[ConfigMap]:
    key = source.key or DEFAULT_KEY
    if before:
        data = {**(before.value.data or {}), key: text}
        return Located(msgspec.structs.replace(before.value, data=data), before.evidence)
    value = ConfigMap(
        metadata=Metadata(name=source.name, namespace=source.namespace), data={key: text}
    )
    return Located(value, Evidence(_full_name(cluster, source), ""))


def _write(source: ConfigSource, text: str, *, there: bool) -> str:
    where = f"{shlex.quote(source.name)} --namespace {shlex.quote(source.namespace)}"
    key = shlex.quote(f"{source.key}=/dev/stdin")
    replaced = " --dry-run=client -o yaml" if there else ""
    piped = " | kubectl replace -f -" if there else ""
    return f"kubectl create configmap {where} --from-file={key}{replaced} <<'EOF'{piped}\n{text}EOF"


def _undo(source: ConfigSource, before: Located[ConfigMap] | None) -> str:
    text = (before.value.data or {}).get(source.key or DEFAULT_KEY) if before else None
    if text is not None:
        return _write(source, text if text.endswith("\n") else f"{text}\n", there=True)
    return f"kubectl delete configmap {shlex.quote(source.name)} --namespace {shlex.quote(source.namespace)}"
