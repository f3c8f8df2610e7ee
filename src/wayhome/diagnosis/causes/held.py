"""What the source's node holds is not what it should hold: with what is derived instead, the flow would come home.

That is seen by asking again without the node's own rules, or without its own routes. Whose rule it is tells the cause:
an agent's that holds another list than its ConfigMap says is a configuration that is not live; anybody else's is a
foreign rule.
"""

import re
from dataclasses import replace

from wayhome.clouds.kubernetes.resources.node import Node as KubernetesNode
from wayhome.clouds.located import Located
from wayhome.clouds.node.outputs import RULES
from wayhome.clouds.node.routes import REVERSE_PATH
from wayhome.clouds.node.rules import AGENT_STEP, FOREIGN_STEP, chains_of
from wayhome.clouds.node_state import NodeOutput, NodeState
from wayhome.diagnosis.cause import Cause, Found
from wayhome.diagnosis.causes.live import on
from wayhome.diagnosis.causes.scene import Scene, unique
from wayhome.diagnosis.source_node import source_node, state_of, without
from wayhome.netfilter.agent_chains import agent_chains
from wayhome.netfilter.rules import BaseChain, Effect, Rule
from wayhome.netfilter.walk import Subject, translations
from wayhome.network import Evidence
from wayhome.prefixes import Intervals
from wayhome.trace import Step
from wayhome.trace.hop import NAT

_BECOMES = re.compile(r": \S+ > \S+ becomes \S+ > \S+$")
WAYS = (NodeOutput.RULES, NodeOutput.ROUTES, NodeOutput.SYSCTL)


def held_rules(scene: Scene) -> Found | None:
    """The node's own rules have the flow lost."""
    node = source_node(scene.situation)
    state = state_of(scene.situation, node) if node else None
    if node is None or state is None or not scene.from_pod:
        return None
    if not any(output in state.outputs for output in RULES):
        return None
    if not without(scene.situation, node, *RULES).works:
        return None
    name = node.value.metadata.name
    step = _translated(scene)
    if step is None:
        return _kept(scene, state, node)
    foreign = step.detail.startswith(FOREIGN_STEP)
    rule = _BECOMES.sub("", step.detail.removeprefix(FOREIGN_STEP).strip())
    if foreign:
        return Found(
            cause=Cause.FOREIGN_RULE,
            because=f"a rule on {name} that is no masquerade agent's translates the Pod's address: {rule}. "
            f"The destination would have had to see the Pod ({scene.drop.cause})",
            deciding=unique([step.evidence, *scene.evidence]),
            confirm=f"wayhome node conflicts  {on(name)}",
        )
    return _not_live(scene, node, step.evidence, "translates the Pod's address")


def wrong_interface(scene: Scene) -> Found | None:
    """The packet left, or the reply came, by another interface than the one that has the address."""
    node = source_node(scene.situation)
    state = state_of(scene.situation, node) if node else None
    if scene.drop.cause == REVERSE_PATH:
        return Found(
            cause=Cause.WRONG_INTERFACE,
            because=f"{scene.dropped_by}: the way back to it leads by another interface, and rp_filter is strict",
            deciding=scene.evidence,
            confirm=f"ip route get {scene.situation.trace.flow.destination}; sysctl net.ipv4.conf.all.rp_filter  "
            + on(scene.node.name.rpartition("/")[2]),
        )
    if scene.drop.cause == "FOREIGN_IP_DISALLOWED" and (owner := _other_interface(scene)):
        port, others = owner
        return Found(
            cause=Cause.WRONG_INTERFACE,
            because=f"{scene.died_at.node} does not take {scene.seen_source} by {port}: {others} has that address",
            deciding=scene.evidence,
            confirm=f"ip rule; ip route get {scene.situation.trace.flow.destination} from {scene.seen_source}  "
            + on(scene.hops[-2].node.rpartition("/")[2]),
        )
    if node is None or state is None or not any(output in state.outputs for output in WAYS):
        return None
    if not without(scene.situation, node, *WAYS).works:
        return None
    left = next((hop.left for hop in scene.situation.trace.forward if hop.node == _host(node)), "")
    return Found(
        cause=Cause.WRONG_INTERFACE,
        because=f"{node.value.metadata.name} sends it by {left}, as its own rules and routes say; "
        f"there it is lost ({scene.drop.cause})",
        deciding=unique(
            [*(state.outputs[o].evidence for o in WAYS if o in state.outputs), *scene.evidence]
        ),
        confirm=f"ip rule; ip route get {scene.situation.trace.flow.destination}  {on(node.value.metadata.name)}",
    )


def _host(node: Located[KubernetesNode]) -> str:
    return node.value.instance or node.name


def _other_interface(scene: Scene) -> tuple[str, str] | None:
    """Where a node with several interfaces sent by one what is the address of another."""
    if len(scene.hops) < 2:
        return None
    sender = scene.hops[-2]
    ports = scene.situation.network.places[sender.node].node.ports
    for port in ports:
        if port.name != sender.left and scene.seen_source in port.addresses:
            return sender.left or "", port.name
    return None


def _translated(scene: Scene) -> Step | None:
    """The step on the way out that translated the source by a rule of the node's."""
    return next(
        (step for step in scene.steps(NAT) if step.detail.startswith((FOREIGN_STEP, AGENT_STEP))),
        None,
    )


def _kept(scene: Scene, state: NodeState, node: Located[KubernetesNode]) -> Found:
    """The node leaves the address alone, and should not: a rule comes before the agent's, or the agent's is another."""
    evidence = next(state.outputs[output].evidence for output in RULES if output in state.outputs)
    name = node.value.metadata.name
    for base in chains_of(state) or ():
        if (rule := _before_the_agent(base, scene)) is not None:
            return Found(
                cause=Cause.FOREIGN_RULE,
                because=f"a rule on {name} keeps the Pod's address before the masquerade agent's rules are asked: "
                f"{base.family} {base.table} {rule.chain} ({base.variant}): {rule.text}",
                deciding=unique([evidence, *scene.evidence]),
                confirm=f"wayhome node conflicts  {on(name)}",
            )
    return _not_live(scene, node, evidence, "leaves the Pod's address as it is")


def _before_the_agent(base: BaseChain, scene: Scene) -> Rule | None:
    """The rule that ends the chain before its jump to an agent's chain that would translate."""
    flow = scene.situation.trace.flow
    subject = Subject(flow.source.family, Intervals(((flow.source.value,) * 2,)))
    for chain in agent_chains([base]):
        alone = replace(base, name=chain.name)
        if chain.family is not flow.source.family or not any(
            flow.destination.value in one.destinations for one in translations(alone, subject)
        ):
            continue
        for rule in base.chains.get(base.name, ()):
            if rule in chain.jumps:
                break
            if rule.effect in (Effect.END, Effect.RETURN, Effect.IDENTITY):
                return rule
    return None


def _not_live(
    scene: Scene, node: Located[KubernetesNode], evidence: Evidence | None, does: str
) -> Found:
    name = node.value.metadata.name
    return Found(
        cause=Cause.CONFIGURATION_NOT_LIVE,
        because=f"{name} {does}, and what is configured says otherwise: the configuration has not reached the node's "
        f"rules, and the flow is lost ({scene.drop.cause})",
        deciding=unique([evidence, *scene.evidence]),
        confirm="kubectl logs --namespace kube-system --selector k8s-app=ip-masq-agent --prefix --tail=20",
    )
