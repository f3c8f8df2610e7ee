"""Two states of the case: the verdicts that change, and the object that changed them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from tests.diagnosis.variants import EXPORTS, LIST, the_case, with_config_map, with_narrow_firewall

from wayhome.cli.main import wayhome
from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.located import Located
from wayhome.diagnosis.audit.compare import Comparison, compare, severity
from wayhome.diagnosis.audit.outcome import Severity
from wayhome.report.diff_text import lines


def compared(before: Estate, after: Estate) -> Comparison:
    return compare(before, after, lambda *_: None)


def exchanging(estate: Estate) -> Estate:
    """Both sides of the peering give and take custom routes."""
    changed = []
    for network in estate.all(Network).values():
        peerings = tuple(
            msgspec.structs.replace(one, export_custom_routes=True, import_custom_routes=True)
            for one in network.value.peerings
        )
        value = msgspec.structs.replace(network.value, peerings=peerings)
        changed.append(Located(value, network.evidence))
    return estate.with_changes(changed=changed)


def test_a_state_does_not_differ_from_itself() -> None:
    found = compared(the_case(), the_case())
    assert (found.differences, found.changes, found.exit_code) == ((), (), 0)


def test_where_nothing_can_be_compared_nothing_is_said_to_be_as_before(tmp_path: Path) -> None:
    for states in ([str(EXPORTS), str(tmp_path)], [str(tmp_path), str(EXPORTS)]):
        assert CliRunner().invoke(wayhome, ["diff", *states]).exit_code == 3


def test_the_list_repairs_and_is_named() -> None:
    found = compared(the_case(), with_config_map(the_case(), "config", LIST))
    (one,) = found.differences
    assert severity(one.before) is Severity.REPLY_LOST
    assert severity(one.after) is Severity.REACHABLE
    assert [str(prefix) for prefix in one.prefixes] == ["10.2.0.1/32"]
    assert [(o.what, o.name.rpartition("/")[2]) for o in one.objects] == [
        ("added", "ip-masq-agent")
    ]
    assert one.certain
    assert found.exit_code == 0


def test_the_way_back_is_worse() -> None:
    found = compared(with_config_map(the_case(), "config", LIST), the_case())
    (one,) = found.differences
    assert one.worse == 1
    assert [o.what for o in one.objects] == ["removed"]
    assert found.exit_code == 1


def test_of_several_changes_the_one_that_decides_is_named() -> None:
    """The firewall's change concerns the same flows, and not these."""
    pod = next(p for p in the_case().all(Pod).values() if not p.value.spec.host_network)
    renamed = Located(
        msgspec.structs.replace(pod.value, status=msgspec.structs.replace(pod.value.status, phase="Running",
                                conditions=None)), pod.evidence)  # fmt: skip
    after = with_narrow_firewall(
        exchanging(the_case()).with_changes(changed=[renamed]), "172.16.0.0/12", "10.0.0.0/8"
    )
    found = compared(the_case(), after)
    assert found.differences
    for one in found.differences:
        assert all("/pods/" not in change.name for change in one.objects)
        assert {"my-network", "target-network"} <= {c.name.rpartition("/")[2] for c in one.objects}


def test_a_removed_route_breaks_one_nodes_pods() -> None:
    before = exchanging(the_case())
    name = next(n for n, r in before.all(Route).items() if r.value.dest_range.prefix.length == 24)
    found = compared(before, before.with_changes(deleted=[(Route, name)]))
    assert found.exit_code == 1
    worse = [one for one in found.differences if one.worse]
    assert {source.node for one in worse for source in one.sources} == {worse[0].sources[0].node}
    assert all([change.name for change in one.objects] == [name] for one in worse)


def test_a_removed_instance_is_gone_and_not_lost() -> None:
    before = exchanging(the_case())
    name = next(n for n in before.all(Instance) if n.endswith("target-gce-01"))
    found = compared(before, before.with_changes(deleted=[(Instance, name)]))
    (one,) = found.differences
    assert severity(one.after) is Severity.NOBODY
    assert [change.name for change in one.objects] == [name]
    assert found.exit_code == 0


def test_what_is_not_known_any_more_is_no_repair(tmp_path: Path) -> None:
    """The destination's routes, cut off in the middle: nobody can say that the reply is lost."""
    after = tmp_path / "after"
    shutil.copytree(EXPORTS, after)
    routes = after / "destination-project" / "routes.json"
    routes.write_text(routes.read_text()[:900])
    result = CliRunner().invoke(wayhome, ["diff", str(EXPORTS), str(after)])
    assert result.exit_code == 3
    assert "1. no more known: the reply is lost (no-return-route) -> not known" in result.output


@pytest.mark.parametrize("as_json", [True, False])
def test_the_command(tmp_path: Path, as_json: bool) -> None:
    after = tmp_path / "after"
    shutil.copytree(EXPORTS, after)
    for project in ("source-project", "destination-project"):
        file = after / project / "networks.json"
        networks = json.loads(file.read_text())
        for peering in (p for network in networks for p in network.get("peerings", ())):
            peering |= {"exportCustomRoutes": True, "importCustomRoutes": True}
        file.write_text(json.dumps(networks))
    arguments = ["diff", str(after), str(EXPORTS), *(["--json"] if as_json else [])]
    result = CliRunner().invoke(wayhome, arguments)
    assert result.exit_code == 1
    if as_json:
        document = json.loads(result.output)
        assert document["differences"][0]["worse"]
        assert document["differences"][0]["before"]["verdict"] == "REACHABLE"
        assert {one["what"] for one in document["differences"][0]["objects"]} == {"changed"}
    else:
        assert "1. worse: reachable -> the reply is lost (no-return-route)" in result.output


def test_of_many_outcomes_the_first_are_told_and_the_others_counted() -> None:
    found = compared(exchanging(the_case()), the_case())
    many = replace(found, differences=found.differences[:1] * 25)
    told = [line.text for line in lines(many, "after")]
    assert sum("the reply is lost" in text for text in told) == 20
    assert told[-1] == "and 5 outcomes more, 5 of them worse; --all prints them"
    told = [line.text for line in lines(many, "after", everything=True)]
    assert sum("the reply is lost" in text for text in told) == 25
