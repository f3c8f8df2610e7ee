"""What a file holds is recognised by its content, in every form that it is exported in."""

import codecs
import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.clouds.read.directory import (
    COMPUTE,
    cluster,
    estate_of,
    instance,
    kubernetes,
    listed,
    network,
    problems,
    route,
)

from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.load_balancing import ForwardingRule
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.router import Router
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.gcp.resources.vpn import VpnTunnel
from wayhome.clouds.kubernetes.resources.daemon_set import DaemonSet
from wayhome.clouds.kubernetes.resources.network_policy import NetworkPolicy
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import Cidr, PortRange
from wayhome.policy.findings import Severity
from wayhome.prefixes import format_address

ROUTE = "projects/p/global/routes/r"


@pytest.mark.parametrize(
    "content, pointer",
    [
        ([route()], "/0"),
        (route(), ""),
        ({"kind": "compute#routeList", "items": [route()]}, "/items/0"),
        ({"items": [route("s"), route()]}, "/items/1"),
        ([[network()], [route()]], "/1/0"),
        ([{"kind": "compute#routeList", "items": [route()]}], "/0/items/0"),
    ],
    ids=[
        "bare array",
        "one object",
        "API list",
        "list without kind",
        "jq -s",
        "jq -s of API lists",
    ],
)
def test_routes_in_all_forms(tmp_path: Path, content: Any, pointer: str) -> None:
    estate = estate_of(tmp_path, {"x.json": content})
    found = estate.all(Route)[ROUTE]
    assert found.value.dest_range == "0.0.0.0/0"
    assert (found.evidence.file, found.evidence.pointer) == ("x.json", pointer)
    assert not estate.findings


def test_an_aggregated_list(tmp_path: Path) -> None:
    content = {
        "kind": "compute#instanceAggregatedList",
        "id": "projects/p/aggregated/instances",
        "items": {
            "zones/a": {"warning": {"code": "NO_RESULTS_ON_PAGE", "message": "No results"}},
            "zones/z": {"instances": [instance()]},
        },
    }
    estate = estate_of(tmp_path, {"x.json": content})
    found = estate.all(Instance)["projects/p/zones/z/instances/i"]
    assert found.evidence.pointer == "/items/zones~1z/instances/0"
    assert not estate.findings


@pytest.mark.parametrize("key", ["asset_type", "assetType"])
def test_an_asset_inventory(tmp_path: Path, key: str) -> None:
    data = route()
    del data["selfLink"], data["kind"]
    lines = [
        {
            "name": f"//compute.googleapis.com/{ROUTE}",
            key: "compute.googleapis.com/Route",
            "resource": {"version": "v1", "discovery_name": "Route", "data": data},
        },
        {
            "name": "//container.googleapis.com/projects/p/zones/z/clusters/c/k8s/namespaces/d/pods/q",
            key: "k8s.io/Pod",
            "resource": {"data": {"metadata": {"name": "q", "namespace": "d"}}},
        },
        {
            "name": "//compute.googleapis.com/projects/p/global/images/i",
            key: "compute.googleapis.com/Image",
            "resource": {"data": {}},
        },
    ]
    ndjson = "\n".join(map(json.dumps, lines)).encode() + b"\n"
    estate = estate_of(tmp_path, {"inventory.ndjson": ndjson})
    assert estate.all(Route)[ROUTE].evidence.pointer == "/0/resource/data"
    pod = "projects/p/locations/z/clusters/c/k8s/namespaces/d/pods/q"
    assert list(estate.all(Pod)) == [pod]
    assert problems(estate) == [
        (
            "inventory.ndjson: holds 1 objects of a kind that is not used: "
            "compute.googleapis.com/Image; nothing is lost by it"
        )
    ]


def test_kubectl_lists_and_raw_api_lists(tmp_path: Path) -> None:
    named = {"metadata": {"name": "b", "namespace": "default"}}
    typed = {"kind": "PodList", "apiVersion": "v1", "items": [named]}
    files = {"a.json": listed(kubernetes("Pod", "a", "default")), "b.json": typed}
    estate = estate_of(tmp_path, files)
    assert [name.rpartition("/")[2] for name in estate.all(Pod)] == ["a", "b"]


@pytest.mark.parametrize(
    ("kind", "version"), [("Pod", "v1"), ("NetworkPolicy", "networking.k8s.io/v1")]
)
def test_what_lies_in_a_namespace_says_in_which(tmp_path: Path, kind: str, version: str) -> None:
    homeless = {"kind": kind, "apiVersion": version, "metadata": {"name": "b"}}
    estate = estate_of(
        tmp_path, {"a.json": listed(kubernetes("Pod", "a", "default")), "b.json": homeless}
    )
    assert "has no metadata.namespace" in problems(estate)[0]


def test_a_port_of_a_service_that_is_none(tmp_path: Path) -> None:
    service = kubernetes("Service", "s", "default") | {"spec": {"ports": [{"port": -1}]}}
    assert "/spec/ports/0/port" in problems(estate_of(tmp_path, {"a.json": listed(service)}))[0]


def test_kinds_of_other_groups_are_not_taken_for_ours(tmp_path: Path) -> None:
    calico = kubernetes("NetworkPolicy", "a", "d") | {"apiVersion": "crd.projectcalico.org/v1"}
    old = kubernetes("DaemonSet", "a", "d") | {"apiVersion": "extensions/v1beta1"}
    estate = estate_of(tmp_path, {"a.json": listed(calico, old)})
    assert not estate.all(NetworkPolicy)
    assert len(estate.all(DaemonSet)) == 1


@pytest.mark.parametrize(
    "kind, value",
    [
        (Subnetwork, {"ipCidrRange": "10.0.0.0/24", "region": f"{COMPUTE}projects/p/regions/r"}),
        (FirewallRule, {"allowed": [{"IPProtocol": "tcp"}]}),
        (Router, {"bgp": {"asn": 64512}, "region": f"{COMPUTE}projects/p/regions/r"}),
        (Route, {"destRange": "10.0.0.0/8", "nextHopIp": "10.0.0.1"}),
    ],
)
def test_objects_that_say_neither_kind_nor_link(
    tmp_path: Path, kind: type[Resource], value: dict[str, Any]
) -> None:
    value |= {"name": "x", "network": f"{COMPUTE}projects/p/global/networks/n"}
    estate = estate_of(tmp_path, {"a.json": [value]})
    (name,) = estate.all(kind)
    place = "global" if kind in (FirewallRule, Route) else "regions/r"
    assert name == f"projects/p/{place}/{kind.COLLECTION}/x"


def test_a_cluster_is_recognised_by_its_fields(tmp_path: Path) -> None:
    files = {"a.json": [cluster()], "b.json": {"clusters": [cluster("d", zone="y")]}}
    estate = estate_of(tmp_path, files)
    assert [*estate.all(Cluster)] == [
        "projects/p/locations/z/clusters/c",
        "projects/p/locations/y/clusters/d",
    ]


def test_a_network_of_the_old_kind(tmp_path: Path) -> None:
    old = {"name": "n", "IPv4Range": "10.240.0.0/16", "gatewayIPv4": "10.240.0.1"}
    estate = estate_of(
        tmp_path, {"a.json": [old | {"selfLink": f"{COMPUTE}projects/p/global/networks/n"}]}
    )
    found = estate.all(Network)["projects/p/global/networks/n"].value
    assert str(found.ipv4_range) == "10.240.0.0/16"
    assert found.auto_create_subnetworks is None


def test_references_in_all_spellings_are_the_same(tmp_path: Path) -> None:
    spellings = [
        "https://www.googleapis.com/compute/v1/projects/p/global/networks/n",
        "https://www.googleapis.com/compute/beta/projects/p/global/networks/n",
        "https://compute.googleapis.com/compute/v1/projects/p/global/networks/n",
        "//compute.googleapis.com/projects/p/global/networks/n",
        "projects/p/global/networks/n",
    ]
    routes = [route(f"r{index}", network=text) for index, text in enumerate(spellings)]
    estate = estate_of(tmp_path, {"a.json": routes, "b.json": [network()]})
    assert len(estate.of(Route, "projects/p/global/networks/n")) == len(spellings)


def _utf16(text: str) -> bytes:
    return codecs.BOM_UTF16_LE + text.replace("\n", "\r\n").encode("utf-16-le")


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: codecs.BOM_UTF8 + text.encode(),
        _utf16,
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        lambda text: text.encode("utf-16-le"),
        lambda text: codecs.BOM_UTF32_LE + text.encode("utf-32-le"),
    ],
    ids=["UTF-8 with mark", "PowerShell", "UTF-16BE", "UTF-16 without mark", "UTF-32"],
)
def test_encodings(tmp_path: Path, encode: Any) -> None:
    estate = estate_of(tmp_path, {"a.json": encode(json.dumps([route()], indent=2))})
    assert list(estate.all(Route)) == [ROUTE]
    assert not estate.findings


def test_documents_one_after_the_other(tmp_path: Path) -> None:
    """Two commands that append to one file; strings hold brackets and quotes."""
    first = json.dumps([route(description='}] "\\'), route("s")], indent=2)
    second = json.dumps({"items": [network()], "kind": "compute#networkList"}, indent=2)
    estate = estate_of(tmp_path, {"a.json": f"{first}\n{second}".encode()})
    assert estate.all(Route)["projects/p/global/routes/s"].evidence.pointer == "/0/1"
    assert estate.all(Network)["projects/p/global/networks/n"].evidence.pointer == "/1/items/0"


def test_nothing_of_a_file_is_believed_if_its_second_document_is_broken(tmp_path: Path) -> None:
    text = json.dumps([route()], indent=2).encode()
    estate = estate_of(tmp_path, {"a.json": text + b"\n" + text[:-30]})
    assert not estate.all(Route)
    assert "a.json: ends in the middle: it is truncated" in problems(estate)[0]


def test_the_line_of_an_error_is_told(tmp_path: Path) -> None:
    estate = estate_of(tmp_path, {"a.json": b'[\n{"kind": "compute#route",\n"name" "r"}]'})
    assert problems(estate) == ["a.json: is not JSON, from line 3 on; export it again, unchanged"]


def test_a_wrong_value_is_reported_with_its_place(tmp_path: Path) -> None:
    broken = instance()
    broken["networkInterfaces"][0]["networkIP"] = "10.0.0.256\x1b[2J"
    estate = estate_of(tmp_path, {"a.json": [instance("j"), broken]})
    assert list(estate.all(Instance)) == ["projects/p/zones/z/instances/j"]
    assert problems(estate) == [
        (
            "a.json, /1/networkInterfaces/0/networkIP: is not an IP address (10.0.0.256\\x1b[2J); "
            "export it again, unchanged"
        )
    ]


def test_objects_of_no_use_are_counted_and_secrets_named(tmp_path: Path) -> None:
    files = {
        "a.json": listed(kubernetes("Secret", "s", "d"), kubernetes("Event", "e", "d")),
        "b.json": [{"foo": 1}, {"type": "array", "items": {"type": "string"}}],
        "notes.txt": b"hello",
        "pods.yaml": b"apiVersion: v1\nitems: []\nkind: List\n",
    }
    estate = estate_of(tmp_path, files)
    assert problems(estate) == [
        "a.json: holds 1 Secrets, which nothing here needs; they were not read; delete them from the file",
        "b.json: holds 2 objects of no kind that is known here; remove it, or export it again, unchanged",
        "pods.yaml: is YAML, and was not read; export it as JSON",
        "a.json: holds 1 objects of a kind that is not used: Event; nothing is lost by it",
        "notes.txt: is not JSON, and was not read; nothing is lost by it",
    ]


def test_vpn_tunnels_never_have_their_secret(tmp_path: Path) -> None:
    tunnel = {
        "kind": "compute#vpnTunnel",
        "name": "t",
        "region": f"{COMPUTE}projects/p/regions/r",
        "sharedSecret": "hunter2",
        "localTrafficSelector": ["0.0.0.0/0"],
    }
    estate = estate_of(tmp_path, {"a.json": [tunnel]})
    assert list(estate.all(VpnTunnel)) == ["projects/p/regions/r/vpnTunnels/t"]


@pytest.mark.parametrize("priority", [900, 900.0, "900"])
def test_numbers_as_other_programs_write_them(tmp_path: Path, priority: Any) -> None:
    estate = estate_of(tmp_path, {"a.json": [route(priority=priority)]})
    assert estate.all(Route)[ROUTE].value.priority == 900


def test_an_address_with_a_length_is_an_address(tmp_path: Path) -> None:
    rule = {
        "kind": "compute#forwardingRule",
        "name": "f",
        "region": f"{COMPUTE}projects/p/regions/r",
        "IPAddress": "2600:1900::/96",
    }
    estate = estate_of(tmp_path, {"a.json": [rule]})
    (found,) = estate.all(ForwardingRule).values()
    assert found.value.ip_address is not None
    assert (
        format_address(found.value.ip_address.family, found.value.ip_address.value) == "2600:1900::"
    )


@pytest.mark.parametrize(
    "text, prefix",
    [
        ("10.0.0.1", "10.0.0.1/32"),
        ("10.0.0.1/8", "10.0.0.0/8"),
        ("fd00::1", "fd00::1/128"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_ranges(text: str, prefix: str) -> None:
    assert str(Cidr(text).prefix) == prefix
    assert str(Cidr(text)) == text


@pytest.mark.parametrize("text", ["", "ten", "10.0.0.0/33", "10.0.0.0/08", "10.0.0", "10.0.0.0/x"])
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"CIDR|prefix length"):
        Cidr(text)


@pytest.mark.parametrize("text", [b"[" * 3_000_000, b'{"a":' * 3_000_000, b"[]" * 200_000 + b"["])
def test_nothing_takes_long(tmp_path: Path, text: bytes) -> None:
    started = time.process_time()
    estate = estate_of(tmp_path, {"a.json": text})
    assert estate.findings[0].severity is Severity.ERROR
    assert time.process_time() - started < 5


@pytest.mark.parametrize("text, span", [("22", (22, 22)), ("0-65535", (0, 65535))])
def test_ports(text: str, span: tuple[int, int]) -> None:
    assert (PortRange(text).first, PortRange(text).last) == span


@pytest.mark.parametrize("text", ["", "ssh", "65536", "9-8", "-1", "1-", "1-2-3", "٣", " 1"])
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        PortRange(text)


@pytest.mark.parametrize(
    "link", ["0.0.0.0/33", "projects/p/instances/i", "projects/p/zones/z/disks/i", "x"]
)
def test_a_link_to_something_else_names_nothing(tmp_path: Path, link: str) -> None:
    zone = "https://www.googleapis.com/compute/v1/projects/p/zones/z"
    value = {"kind": "compute#instance", "name": "i", "zone": zone, "selfLink": link}
    estate = estate_of(tmp_path, {"instances.json": [value]})
    assert list(estate.all(Instance)) == ["projects/p/zones/z/instances/i"]
