"""The repairs on a real project's exports (gcpdiag's gke1), joined to a network that is made here.

The project is real: seven clusters of both kinds, Google's managed peers that nobody may read, Cloud NAT, nodes with
addresses of their own. It lacks what kubectl prints, and a destination: these are written beside it.
"""

import json
import shutil
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from tests.clouds.read.directory import COMPUTE, DUMPS, estate_of
from tests.diagnosis.generated import (
    DAEMON_SET,
    Network,
    add_project,
    item,
    machine,
    peering,
    pod,
    route,
)

from wayhome.clouds.estate import Estate
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.cause import Cause
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.replay import Replay
from wayhome.network import Verdict

PROJECT, ZONE, REGION = "gcpdiag-gke1-aaaa", "europe-west4-a", "europe-west4"
HOME = Network(project=PROJECT, name="default", region=REGION, subnet=IPv4Network("10.164.0.0/20"))
THERE = Network(
    project="elsewhere", name="books", region="europe-west1", subnet=IPv4Network("10.77.0.0/20")
)
CLUSTERS = {
    # Route-based, in 10.1.0.0/19. The dump lacks the routes of nodes: one is written beside it.
    "gke3": ("gke-gke3-default-pool-bf4b1ef1-h17r", REGION, "10.1.8.0/24"),
    # VPC-native: as the dump says.
    "gke4": ("gke-gke4-default-pool-4c934268-yzb0", ZONE, "10.56.1.0/24"),
}

pytestmark = pytest.mark.skipif(not DUMPS.is_dir(), reason=f"{DUMPS} is absent")


def joined(folder: Path, cluster: str, *lets_in: str, peers_read: bool = False) -> Estate:
    """The dump with the cluster's objects, and with a peer that lets in these ranges.

    `peers_read`: with what `peerings list-routes` prints of Google's peers, one subnet each.
    """
    exports = folder / "exports"
    shutil.copytree(DUMPS / "gke1", exports / PROJECT)
    path = exports / PROJECT / "compute-network-default.json"
    network = json.loads(path.read_text())
    network["peerings"].append(peering(THERE))
    path.write_text(json.dumps(network))
    files: dict[str, Any] = {}
    for number, google in enumerate(network["peerings"][:-1] if peers_read else ()):
        offered = {"destRange": f"172.16.{number}.0/28", "type": "SUBNET_PEERING_ROUTE", "imported": True}  # fmt: skip
        name = f"{PROJECT}/peering-routes/{google['name']}.{REGION}.INCOMING.json"
        files[name] = [offered | {"nextHopRegion": REGION, "priority": 0}]
    node, location, block = CLUSTERS[cluster]
    address = str(IPv4Network(block)[9])
    known = [IPv4Network(one) for one in lets_in]
    add_project(
        files, THERE, machines=[machine(THERE)], routes=[], peerings=[peering(HOME)],
        lets_in=known, subnet={},
    )  # fmt: skip
    hop = f"{COMPUTE}projects/{PROJECT}/zones/{ZONE}/instances/{node}"
    if cluster == "gke3":
        files[f"{PROJECT}/node-routes.json"] = [
            route(
                HOME,
                f"{node}-route",
                block,
                1000,
                description="k8s-node-route",
                nextHopInstance=hop,
            )
        ]
    spec = {"podCIDR": block, "providerID": f"gce://{PROJECT}/{ZONE}/{node}"}
    labels = {"beta.kubernetes.io/masq-agent-ds-ready": "true"}
    lists = {
        "nodes": [item("Node", node, labels=labels, spec=spec)],
        "pods": [
            pod("shop", "web", node, address, {"app": "web"}),
            pod("kube-system", "dns", node, str(IPv4Network(block)[8]), {}),
        ],
        "namespaces": [item("Namespace", "shop"), item("Namespace", "kube-system")],
        "configmaps": [],
        "networkpolicies": [],
        "services": [],
    }
    where = f"gke_{PROJECT}_{location}_{cluster}"
    for kind, items in lists.items():
        files[f"{where}/{kind}.json"] = {"apiVersion": "v1", "kind": "List", "items": items}
    files[f"{where}/daemonsets.json"] = DAEMON_SET
    return estate_of(exports, files)


def asked(estate: Estate) -> Answer:
    return Answer.to(estate, Question.parse("shop/web", f"{THERE.address}:80"))


def by_kind(answer: Answer) -> dict[str, Replay]:
    return {one.proposal.kind: one for one in answer.repairs}


def test_a_route_based_cluster_is_repaired_as_the_accounts_was(tmp_path: Path) -> None:
    estate = joined(tmp_path, "gke3", "10.1.0.0/19", "10.164.0.0/20", peers_read=True)
    answer = asked(estate)
    assert answer.found is not None
    assert answer.found.cause is Cause.NO_RETURN_ROUTE
    found = by_kind(answer)
    working = {kind for kind, one in found.items() if one.works}
    assert working == {"masquerade", "exchange-routes", "proxy-vm", "vpc-native", "shared-vpc"}
    assert {kind for kind in found if kind not in working} == {
        "export-only",
        "import-only",
        "proxy-pod",
    }
    # Its nodes are on the internet already.
    assert [one.kind for one in answer.not_possible] == ["public-path"]
    # Nobody can read Google's own networks.
    assert any("is not exported" in note for note in found["vpc-native"].proposal.notes)


def test_a_vpc_native_cluster_lacks_a_firewall_rule_and_no_route(tmp_path: Path) -> None:
    answer = asked(joined(tmp_path, "gke4", "10.164.0.0/20"))
    assert answer.found is not None
    assert answer.found.cause is Cause.DESTINATION_FIREWALL
    found = by_kind(answer)
    working = {kind for kind, one in found.items() if one.works}
    assert working == {"masquerade", "proxy-vm", "open-firewall"}
    assert "exchange-routes" not in found
    (created,) = found["open-firewall"].proposal.changes.created
    assert "10.56.0.0" in created.name.replace("-", ".")


def test_a_vpc_native_cluster_is_answered_where_the_firewall_knows_it(tmp_path: Path) -> None:
    answer = asked(joined(tmp_path, "gke4", "10.164.0.0/20", "10.56.0.0/14"))
    assert answer.situation.works
    assert answer.repairs == ()


def test_what_a_peer_may_have_is_no_success(tmp_path: Path) -> None:
    """The proxy's answer meets the peers that nobody could read: a subnet of theirs would take it."""
    repair = by_kind(asked(joined(tmp_path, "gke3", "10.1.0.0/19", "10.164.0.0/20")))["proxy-vm"]
    assert not repair.works
    assert repair.after is not None
    assert repair.after.trace.verdict is Verdict.UNDETERMINED
    assert "peerings list-routes" in repair.after.trace.missing[0].command
