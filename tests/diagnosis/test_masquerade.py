"""Masquerading as a repair: the smallest list, replayed, in the form of the cluster's own agent."""

import subprocess
from pathlib import Path

from tests.diagnosis.variants import LIST, asked, repairs, the_case, with_config_map

from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.read import read_estate
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.masquerade import masquerade
from wayhome.network import Verdict
from wayhome.policy import Action, Packet, Policy, Settings, parse
from wayhome.prefixes import Family, parse_address

EXPORTS = Path(__file__).parents[2] / "examples" / "the-case" / "exports"


def answer() -> Answer:
    return Answer.to(
        read_estate(EXPORTS), Question.parse("my-pod", "10.2.0.1:80"), kinds=(masquerade,)
    )


def policy_of(text: str) -> Policy:
    parsed = parse(text.encode(), Settings())
    assert parsed.configuration is not None
    return parsed.configuration.policy


def masquerades(policy: Policy, destination: str) -> bool:
    _, address = parse_address(destination)
    return policy.decide(Packet(Family.IPV4, address)).action is Action.MASQUERADE


def test_it_works_and_opens_one_direction() -> None:
    (repair,) = answer().repairs
    assert repair.works
    assert repair.after is not None
    assert str(repair.after.trace.shown.result.packet.source) == "10.1.0.3"
    assert repair.after.reverse is not None
    assert repair.after.reverse.verdict is Verdict.UNREACHABLE


def test_only_the_destinations_range_is_translated_in_addition() -> None:
    (repair,) = answer().repairs
    (created,) = repair.proposal.changes.created
    assert isinstance(created.value, ConfigMap)
    policy = policy_of((created.value.data or {})["config"] or "")
    assert masquerades(policy, "10.2.0.1")
    assert masquerades(policy, "8.8.8.8")
    for kept in (
        "10.1.0.4",
        "10.3.0.1",
        "172.16.9.9",
        "172.16.240.1",
        "192.168.1.1",
        "169.254.169.254",
    ):
        assert not masquerades(policy, kept), kept


def test_its_commands_carry_the_list_and_take_it_back() -> None:
    (repair,) = answer().repairs
    (command,), (undo,) = repair.proposal.commands, repair.proposal.undo
    head, *lines, end = command.splitlines()
    assert head.startswith("kubectl create configmap ip-masq-agent --namespace kube-system")
    assert end == "EOF"
    assert masquerades(policy_of("\n".join(lines)), "10.2.0.1")
    assert undo == "kubectl delete configmap ip-masq-agent --namespace kube-system"


def test_no_line_of_a_list_that_is_put_back_ends_the_command(tmp_path: Path) -> None:
    """What somebody wrote into a ConfigMap is printed as input of a command that a person copies."""
    hostile = f"{LIST}# EOF\nEOF\ntouch {tmp_path}/owned\n"
    before = with_config_map(the_case(), "config", hostile)
    repair = repairs(asked(before, kinds=(masquerade,)))["masquerade"]
    (undo,) = repair.proposal.undo
    shell = f"kubectl() {{ if [ $1 = create ]; then cat; else cat >{tmp_path}/put; fi; }}\n"
    subprocess.run(["sh", "-c", shell + undo], check=True)
    assert (tmp_path / "put").read_text() == hostile
    assert not (tmp_path / "owned").exists()
