"""The audit of the case: what it finds, how it groups it, and that each class is what the tracer says of its members."""

import json
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from tests.diagnosis.variants import (
    CLUSTER,
    EXPORTS,
    LIST,
    the_case,
    with_config_map,
    with_narrow_firewall,
)

from wayhome.cli.main import wayhome
from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.located import Located
from wayhome.clouds.values import Cidr
from wayhome.diagnosis.audit.audit import Audit, Finding, audit, serious
from wayhome.diagnosis.audit.outcome import Severity
from wayhome.diagnosis.audit.survey import State, Surveyor, space_of
from wayhome.diagnosis.cause import Cause
from wayhome.network import Address, Evidence, Flow, Protocol, Verdict
from wayhome.report.audit_text import lines
from wayhome.trace.classes.line import position

TARGET = "10.2.0.1/32"


def audited(estate: Estate) -> Audit:
    return audit(estate, lambda *_: None)


def only(found: Audit, severity: Severity) -> Finding:
    (finding,) = found.of(severity)
    return finding


def without_pods(estate: Estate) -> Estate:
    pods = [(Pod, name) for name, pod in estate.all(Pod).items() if not pod.value.spec.host_network]
    return estate.with_changes(deleted=pods)


def with_subnet(estate: Estate, cidr: str) -> Estate:
    """One more range in the destination's network."""
    (one,) = [s for s in estate.all(Subnetwork).values() if "destination-project" in s.name]
    value = msgspec.structs.replace(one.value, name="more", ip_cidr_range=Cidr(cidr))
    name = one.name.rpartition("/")[0] + "/more"
    return estate.with_changes(created=[Located(value, Evidence(name, "subnets.json", "/1"))])


def test_the_lost_reply_of_the_case_comes_first() -> None:
    found = audited(the_case())
    first = found.findings[0]
    assert first.severity is Severity.REPLY_LOST
    assert first.outcome.cause is Cause.NO_RETURN_ROUTE
    assert first.outcome.drop == "PRIVATE_TRAFFIC_TO_INTERNET"
    assert [str(prefix) for prefix in first.prefixes] == [TARGET]
    assert first.all_ports
    assert {str(source.range) for source in first.sources} == {"172.16.1.0/24", "172.16.2.0/24"}
    assert any(e.pointer.endswith("/exportCustomRoutes") for e in first.deciding)
    assert serious(found, ()) == 1


def test_the_list_of_the_case_leaves_nothing_lost() -> None:
    found = audited(with_config_map(the_case(), "config", LIST))
    assert {finding.severity for finding in found.findings} <= {Severity.NOBODY}
    assert serious(found, ()) == 0


def test_a_list_under_another_key_is_a_fault() -> None:
    found = audited(with_config_map(the_case(), "ip-masq-agent.yaml", LIST))
    assert only(found, Severity.REPLY_LOST).outcome.cause is Cause.CONFIGURATION_NOT_LIVE
    assert "configuration-not-live" in {fault.kind for fault in found.faults}


def test_a_reserved_address_is_a_note() -> None:
    found = audited(with_config_map(the_case(), "config", LIST))
    assert [(fault.kind, fault.note) for fault in found.faults] == [("reserved-address", True)]


def test_refused_ports_are_apart_from_lost_ones_and_may_be_ignored() -> None:
    estate = with_config_map(the_case(), "config", LIST)
    found = audited(with_narrow_firewall(estate, "192.168.0.0/16"))
    finding = only(found, Severity.REFUSED)
    assert finding.outcome.cause is Cause.DESTINATION_FIREWALL
    assert serious(found, ()) == 1
    assert serious(found, ["destination-firewall"]) == 0


def test_a_range_without_pods_is_asked_by_a_stand_in_with_the_same_answers() -> None:
    with_, without = audited(the_case()), audited(without_pods(the_case()))
    assert all(source.stand_in for source in without.sources)
    assert not any(source.stand_in for source in with_.sources)
    for severity in Severity:
        assert [f.destinations for f in with_.of(severity)] == [
            f.destinations for f in without.of(severity)
        ]


def test_a_stand_in_is_nobodys_destination() -> None:
    """The range overlaps one of the peer's: from the other node, the stand-in's address is as unused as its neighbours."""
    state = State.of(with_subnet(without_pods(the_case()), "172.16.0.0/20"))
    space = space_of(state)
    surveyor = Surveyor(state, space)
    one, other = state.sources.all
    answer, _ = surveyor.ask(one, Flow(one.address, other.address, Protocol.TCP, 80))
    neighbour = Address(other.address.family, other.address.value - 1)
    expected, _ = surveyor.ask(one, Flow(one.address, neighbour, Protocol.TCP, 80))
    assert answer.verdict is Verdict.UNREACHABLE
    assert answer.drop == expected.drop
    assert one.address.value not in {
        place for place, _ in space.atoms.places(surveyor.asked(one)).spans
    }


def test_a_foreign_range_that_overlaps_the_pods_is_asked_about() -> None:
    found = audited(with_subnet(the_case(), "172.16.1.0/24"))
    asked = found.destinations
    assert position(Address.parse("172.16.1.77")) in asked
    assert position(Address.parse("172.16.2.77")) not in asked


@pytest.mark.parametrize("change", ["none", "list", "narrow"])
def test_no_two_members_of_a_class_get_different_answers(change: str) -> None:
    estate = the_case()
    if change == "list":
        estate = with_config_map(
            estate, "config", "nonMasqueradeCIDRs: [172.16.0.0/16, 10.2.0.0/28]"
        )
    if change == "narrow":
        estate = with_narrow_firewall(estate, "172.16.1.0/25", "10.1.0.0/16")
    state = State.of(estate)
    space = space_of(state)
    surveyor = Surveyor(state, space)
    asked = 0
    for source in state.sources.all:
        left = dict.fromkeys(range(len(space.ports.ranges)), surveyor.asked(source))
        for one in surveyor.classes(source):
            for atoms, ports in one.boxes:
                for first, last in space.atoms.places(atoms).spans:
                    for place in {first, last, (first + last) // 2}:
                        for number, service in enumerate(space.ports.ranges):
                            if ports >> number & 1:
                                flow = Flow(
                                    source.address, Address(source.address.family, place),
                                    service.protocol, service.last or None,
                                )  # fmt: skip
                                answer, _ = surveyor.ask(source, flow)
                                assert answer.verdict is one.outcome.verdict, flow
                                assert (answer.drop and answer.drop.cause) == one.outcome.drop
                                asked += 1
                for number in left:
                    if ports >> number & 1:
                        left[number] &= ~atoms
        assert not any(left.values())
    assert asked > 100


def test_a_node_without_a_range_is_said() -> None:
    estate = the_case()
    node = next(iter(estate.all(Node).values()))
    spec = msgspec.structs.replace(node.value.spec, pod_cidr=None, pod_cidrs=())
    changed = Located(msgspec.structs.replace(node.value, spec=spec), node.evidence)
    assert audited(estate.with_changes(changed=[changed])).without_range == (node.name,)


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(wayhome, arguments)
    return result.exit_code, result.output


def test_the_command_says_what_is_lost_in_its_first_lines() -> None:
    code, text = run("audit", "--from", str(EXPORTS))
    assert code == 1
    lines = text.splitlines()
    assert "2 Pod ranges of 1 cluster" in lines[0]
    assert lines[3].startswith(
        "1. the reply is lost (no-return-route, PRIVATE_TRAFFIC_TO_INTERNET)"
    )
    assert TARGET in lines[3]


def told(found: Audit, *, everything: bool = False) -> list[str]:
    return [f"{one.head}{one.text}" for one in lines(found, "exports", everything=everything)]


def test_of_many_findings_of_one_kind_three_are_told_in_full_and_the_others_counted() -> None:
    found = audited(the_case())
    (lost,) = found.of(Severity.REPLY_LOST)
    many = replace(found, findings=(lost,) * 5, faults=found.faults * 5)
    assert [text[:2] for text in told(many) if "the reply is lost (" in text] == ["1.", "2.", "3."]
    assert any("and 2 more findings of this kind (no-return-route" in text for text in told(many))
    assert any("and 2 more of reserved-address" in text for text in told(many))
    everything = told(many, everything=True)
    assert sum("the reply is lost (" in text for text in everything) == 5
    assert not any("--all" in text for text in everything)
    assert not any("--all" in text for text in told(found))


def test_findings_of_one_kind_stand_together_those_with_most_addresses_first() -> None:
    findings = audited(with_narrow_firewall(with_subnet(the_case(), "10.3.0.0/24"))).findings
    kinds = [finding.kind for finding in findings]
    assert [kind for kind, _ in groupby(kinds)] == list(dict.fromkeys(kinds))
    assert [kind[0] for kind in kinds] == sorted(kind[0] for kind in kinds)


def test_the_document_is_stable_and_complete() -> None:
    code, text = run("audit", "--from", str(EXPORTS), "--json")
    document = json.loads(text)
    assert code == 1
    assert document["schema"] == 1
    assert document["findings"][0]["destinations"] == [TARGET]
    assert document["findings"][0]["sources"] == ["172.16.1.0/24", "172.16.2.0/24"]
    assert sum(one["classes"] for one in document["findings"]) < document["classes"]
    assert run("audit", "--from", str(EXPORTS), "--json")[1] == text


def test_an_unknown_cause_is_a_wrong_use(tmp_path: Path) -> None:
    code, text = run("audit", "--from", str(EXPORTS), "--ignore", "firewall")
    assert code == 2
    assert "destination-firewall" in text
    assert run("audit", "--from", str(tmp_path))[0] == 2
    assert CLUSTER
