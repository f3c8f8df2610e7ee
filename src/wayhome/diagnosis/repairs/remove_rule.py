"""Remove a foreign rule: one on the source's node that translates its Pods' addresses, and is no masquerade agent's.

Which rule it is, only the node's own state says. It goes by what its program would take: iptables-restore reads the very
line, and nft a handle. Whoever made it may make it again, so that program goes first.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.located import Located
from wayhome.clouds.node.outputs import NodeOutputError
from wayhome.clouds.node.rules import chains_of, is_an_agents
from wayhome.clouds.node_state import NodeOutput, NodeState
from wayhome.diagnosis.cause import Cause
from wayhome.diagnosis.causes import find_cause
from wayhome.diagnosis.gcloud import gcloud, place, with_input
from wayhome.diagnosis.repairs.proposal import Changes, Effort, NotPossible, Proposal
from wayhome.diagnosis.situation import Situation
from wayhome.diagnosis.source_node import source_node, state_of
from wayhome.netfilter import nft_json
from wayhome.netfilter.rules import BaseChain, Rule, Variant
from wayhome.netfilter.walk import Subject, Translation, translations
from wayhome.netfilter.writers import writer_of
from wayhome.prefixes import Family, Intervals

KIND = "remove-rule"
_SAVED = {
    (Variant.IPTABLES_NFT, Family.IPV4): (NodeOutput.IPTABLES_NFT, "iptables-nft-restore"),
    (Variant.IPTABLES_LEGACY, Family.IPV4): (NodeOutput.IPTABLES_LEGACY, "iptables-legacy-restore"),
    (Variant.IPTABLES_NFT, Family.IPV6): (NodeOutput.IP6TABLES_NFT, "ip6tables-nft-restore"),
    (Variant.IPTABLES_LEGACY, Family.IPV6): (
        NodeOutput.IP6TABLES_LEGACY,
        "ip6tables-legacy-restore",
    ),
}


def remove_rule(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Remove the rule that translates the flow's source."""
    found = find_cause(situation)
    node = source_node(situation)
    state = state_of(situation, node) if node else None
    if found is None or found.cause is not Cause.FOREIGN_RULE or node is None or state is None:
        return
    try:
        foreign = _foreign(situation, state)
    except NodeOutputError as error:
        yield NotPossible(KIND, str(error))
        return
    removal = foreign and _removal(state, *foreign)
    if not foreign or not removal:
        yield NotPossible(KIND, f"{found.because}; that rule has to be removed by hand")
        return
    base, translation = foreign
    writer = writer_of(base, translation.path)
    again = f"{writer.name} may write it again" if writer else "whoever wrote it may write it again"
    name = node.value.metadata.name
    yield Proposal(
        kind=KIND,
        effort=Effort.RESTORE,
        summary=f"on {name} this rule goes: {translation.rule.text}",
        changes=Changes(node_states=(removal.state,)),
        commands=(_on(situation, node, removal.program, removal.take),),
        undo=(_on(situation, node, removal.program, removal.put),),
        notes=(
            f"{again}: change that first",
            f"{name} alone is repaired; other nodes may have the same rule",
        ),
    )


def _foreign(situation: Situation, state: NodeState) -> tuple[BaseChain, Translation] | None:
    """The first rule that translates the flow and is no agent's."""
    flow = situation.trace.flow
    subject = Subject(flow.source.family, Intervals.of([(flow.source.value, flow.source.value)]))
    for base in chains_of(state) or ():
        for translation in translations(base, subject):
            if flow.destination.value in translation.destinations and not is_an_agents(
                base, translation.path
            ):
                return base, translation
    return None


@dataclass(frozen=True, slots=True)
class _Removal:
    """The node without the rule; the program that changes it, and what it reads to take the rule away and to put it back."""

    state: NodeState
    program: str
    take: str
    put: str


def _removal(state: NodeState, base: BaseChain, translation: Translation) -> _Removal | None:
    rule = translation.rule
    if base.variant is Variant.NATIVE:
        return _of_nft(state, base, rule)
    output, program = _SAVED[base.variant, translation.family]
    located = state.outputs[output]
    lines = located.value.splitlines(keepends=True)
    places = [number for number, line in enumerate(lines) if line.strip() == rule.text]
    head = f"-A {rule.chain} "
    if len(places) != 1 or not rule.text.startswith(head):
        return None
    del lines[places[0]]
    rest = rule.text.removeprefix(head)
    return _Removal(
        _with(state, output, "".join(lines)),
        f"sudo {program} --noflush",
        f"*{base.table}\n-D {rule.chain} {rest}\nCOMMIT\n",
        f"*{base.table}\n-I {rule.chain} {rule.number} {rest}\nCOMMIT\n",
    )


def _of_nft(state: NodeState, base: BaseChain, rule: Rule) -> _Removal | None:
    located = state.outputs.get(NodeOutput.NFT)
    if located is None:
        return None
    place_of_it = {"family": base.family, "table": base.table, "chain": rule.chain}
    wanted = place_of_it | {"handle": rule.number}
    document = json.loads(located.value)
    written = [one for one in nft_json.objects(located.value, "rule") if wanted.items() <= one.items()]  # fmt: skip
    if len(written) != 1:
        return None
    left = [entry for entry in document["nftables"] if entry.get("rule") != written[0]]
    take = {"delete": {"rule": wanted}}
    put = {"insert": {"rule": place_of_it | {"expr": written[0]["expr"]}}}
    return _Removal(
        _with(state, NodeOutput.NFT, json.dumps(document | {"nftables": left})),
        "sudo nft --json --file -",
        json.dumps({"nftables": [take]}),
        json.dumps({"nftables": [put]}),
    )


def _with(state: NodeState, output: NodeOutput, text: str) -> NodeState:
    before = state.outputs[output]
    return replace(state, outputs={**state.outputs, output: Located(text, before.evidence)})


def _on(situation: Situation, node: Located[Node], program: str, text: str) -> str:
    """On the node, which reads the text: no shell does."""
    instance = situation.estate.get(Instance, node.value.instance)
    if instance is None:
        return with_input(program, text)
    ssh = gcloud("ssh", instance.value.name, command=program, **place(instance.name))
    return with_input(ssh, text)
