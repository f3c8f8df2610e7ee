"""Fix the configuration: a list that is there and has no effect is put where the agent reads."""

import shlex
from collections.abc import Iterator

import msgspec

from wayhome.clouds.kubernetes.agents import DEFAULT_KEY, ConfigSource
from wayhome.clouds.kubernetes.masquerading import NotLive, agent_of, masquerading_of
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.metadata import Metadata
from wayhome.clouds.located import Located
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.repairs.proposal import Changes, Effort, NotPossible, Proposal
from wayhome.diagnosis.situation import Situation
from wayhome.network import Evidence

KIND = "fix-configuration"


def fix_configuration(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Put every list that nobody reads where the source's agent reads."""
    scene = Scene.of(situation)
    if scene is None or not scene.from_pod or scene.translated:
        return
    for host in scene.hosts():
        cluster = host.name.partition("/k8s/")[0]
        agent = agent_of(situation.estate, cluster, host)
        for one in masquerading_of(situation.estate, cluster, host).not_live:
            if one.would is None:
                continue
            if agent is None or not agent.sources:
                yield NotPossible(KIND, f"{one.problem}: {one.instead}")
            else:
                yield from _proposal(situation, cluster, agent.sources[0], one)
        return  # only the source's own node translates its packets


def _proposal(
    situation: Situation, cluster: str, source: ConfigSource, wrong: NotLive
) -> Iterator[Proposal]:
    misplaced = situation.estate.get(ConfigMap, wrong.evidence.object)
    if misplaced is None or source.key is None:
        return
    data = misplaced.value.data or {}
    name = wrong.evidence.pointer.rpartition("/data/")[2].replace("~1", "/").replace("~0", "~")
    old_key = name if name in data else DEFAULT_KEY
    text = data.get(old_key)
    if not text:
        return
    full = f"{cluster}/k8s/namespaces/{source.namespace}/configmaps/{source.name}"
    current = situation.estate.get(ConfigMap, full)
    metadata = (
        current.value.metadata
        if current
        else Metadata(name=source.name, namespace=source.namespace)
    )
    value = msgspec.structs.replace(
        current.value if current else ConfigMap(metadata=metadata), data={source.key: text}
    )
    located = Located(value, current.evidence if current else Evidence(full, ""))
    there = misplaced.value.metadata
    read = (
        f"kubectl get configmap {shlex.quote(there.name)} --namespace {shlex.quote(there.namespace)} "
        f"-o jsonpath={shlex.quote('{.data.' + old_key.replace('.', chr(92) + '.') + '}')}"
    )
    make = (
        f"kubectl create configmap {shlex.quote(source.name)} --namespace {shlex.quote(source.namespace)} "
        f"--from-file={shlex.quote(source.key)}=/dev/stdin --dry-run=client -o yaml"
    )
    yield Proposal(
        kind=KIND,
        effort=Effort.RESTORE,
        summary=f"the list of {there.namespace}/{there.name} ({old_key}) goes to {source.namespace}/{source.name}, key {source.key}",
        changes=Changes(changed=(located,)) if current else Changes(created=(located,)),
        commands=(f"{read} | {make} | kubectl {'replace' if current else 'create'} -f -",),
        undo=(
            f"kubectl delete configmap {shlex.quote(source.name)} --namespace {shlex.quote(source.namespace)}"
            if current is None
            else f"kubectl edit configmap {shlex.quote(source.name)} --namespace {shlex.quote(source.namespace)}",
        ),
        notes=(wrong.problem,),
    )
