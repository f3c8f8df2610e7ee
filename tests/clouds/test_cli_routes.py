import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from wayhome.cli.main import wayhome

URL = "https://www.googleapis.com/compute/v1/projects"


def run(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(wayhome, ["routes", "--from", str(directory), *arguments])


def networks(*peers: dict[str, Any], name: str = "n") -> list[dict[str, Any]]:
    return [
        {
            "kind": "compute#network",
            "name": name,
            "selfLink": f"{URL}/p/global/networks/{name}",
            "autoCreateSubnetworks": False,
            "routingConfig": {"routingMode": "REGIONAL"},
            "peerings": list(peers),
            "subnetworks": [f"{URL}/p/regions/r1/subnetworks/s"],
        }
    ]


def subnets(*cidrs: str) -> list[dict[str, Any]]:
    return [
        {
            "kind": "compute#subnetwork",
            "name": "s" if not number else f"s{number}",
            "selfLink": f"{URL}/p/regions/r1/subnetworks/{'s' if not number else f's{number}'}",
            "network": f"{URL}/p/global/networks/n",
            "region": f"{URL}/p/regions/r1",
            "ipCidrRange": cidr,
        }
        for number, cidr in enumerate(cidrs)
    ]


def route(name: str, cidr: str, **hop: Any) -> dict[str, Any]:
    return {
        "kind": "compute#route",
        "name": name,
        "selfLink": f"{URL}/p/global/routes/{name}",
        "network": f"{URL}/p/global/networks/n",
        "destRange": cidr,
        "priority": 1000,
    } | hop


def subnet_route(cidr: str) -> dict[str, Any]:
    slug = cidr.replace(".", "-").replace("/", "-")
    return route(f"subnet-{slug}", cidr, priority=0, nextHopNetwork=f"{URL}/p/global/networks/n")


def export(directory: Path, **files: object) -> Path:
    """Each file complete; routers are exported and there are none."""
    everything: dict[str, object] = {
        "networks": networks(),
        "subnets": subnets("10.1.0.0/16"),
        "routes": [subnet_route("10.1.0.0/16")],
        "routers": {"kind": "compute#routerAggregatedList", "id": "projects/p/aggregated/routers", "items": {"regions/r1": {"routers": []}}},
    }  # fmt: skip
    for name, content in (everything | files).items():
        (directory / f"{name}.json").write_text(json.dumps(content))
    return directory


def test_the_document(tmp_path: Path) -> None:
    through = f"{URL}/p/global/gateways/default-internet-gateway"
    default = route("default", "0.0.0.0/0", nextHopGateway=through, tags=["web"])
    directory = export(tmp_path, routes=[subnet_route("10.1.0.0/16"), default])
    result = run(directory, "--json")
    document = json.loads(result.stdout)
    assert document["schema"] == 1
    assert document["findings"] == []
    rows = {(row["type"], row["destination"]): row for row in document["routes"]}
    subnet = rows["SUBNET", "10.1.0.0/16"]
    assert subnet["network"] == subnet["next_hop"] == "projects/p/global/networks/n"
    assert (subnet["region"], subnet["priority"]) == (None, None)
    assert subnet["evidence"] == [
        {
            "object": "projects/p/regions/r1/subnetworks/s",
            "file": "subnets.json",
            "pointer": "/0/ipCidrRange",
        }
    ]
    static = rows["STATIC", "0.0.0.0/0"]
    assert (static["priority"], static["tags"]) == (1000, ["web"])
    assert static["next_hop"] == "projects/p/global/gateways/default-internet-gateway"


def test_differences_are_findings_with_their_places(tmp_path: Path) -> None:
    listed = [subnet_route("10.1.0.0/16"), subnet_route("10.9.0.0/16")]
    directory = export(tmp_path, routes=listed, subnets=subnets("10.1.0.0/16", "10.2.0.0/16"))
    result = run(directory)
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "subnets.json, /1/ipCidrRange",
        "routes.json, /1",
    ]
    assert "10.2.0.0/16 follows from this, and the cloud does not list it" in lines[0]
    assert "10.9.0.0/16 is listed, and nothing that was exported makes it" in lines[1]


def test_what_is_not_known_ends_with_3_and_its_command(tmp_path: Path) -> None:
    peer = {
        "name": "to-q",
        "network": f"{URL}/q/global/networks/m",
        "state": "ACTIVE",
        "importCustomRoutes": True,
    }
    directory = export(tmp_path, networks=networks(peer))
    result = run(directory, "n")
    assert result.exit_code == 3
    assert "gcloud compute networks peerings list-routes to-q --network=n" in result.stdout


def test_complete_exports_end_with_0(tmp_path: Path) -> None:
    result = run(export(tmp_path))
    assert result.exit_code == 0, result.output
    assert "10.1.0.0/16  SUBNET  all regions  -  projects/p/global/networks/n" in result.stdout


@pytest.mark.parametrize("name", ["n", "p/global/networks/n", "projects/p/global/networks/n"])
def test_a_network_by_its_name_or_the_end_of_it(tmp_path: Path, name: str) -> None:
    assert run(export(tmp_path), name).exit_code == 0


def test_an_unknown_network_is_told_which_there_are(tmp_path: Path) -> None:
    result = run(export(tmp_path), "other")
    assert result.exit_code == 2
    assert "no network other is exported; there are: projects/p/global/networks/n" in result.stderr


def test_hostile_names_are_written_out(tmp_path: Path) -> None:
    hostile = route("x", "10.9.0.0/16", nextHopIp="10.1.0.9", tags=["\x1b[2Jgone"])
    directory = export(tmp_path, routes=[subnet_route("10.1.0.0/16"), hostile])
    result = run(directory)
    assert "\x1b" not in result.output
    assert "\\x1b[2Jgone" in result.stdout


def test_a_damaged_file_is_no_traceback(tmp_path: Path) -> None:
    directory = export(tmp_path)
    (directory / "routes.json").write_text('[{"kind": "compute#route", "name": "x", ')
    result = run(directory)
    assert result.exit_code == 2
    assert "routes.json" in result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    assert run(tmp_path / "none").exit_code == 2


def test_a_directory_without_networks_is_no_success(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == 2
    assert "no network is exported" in result.output


def test_networks_in_a_damaged_file_are_not_taken_for_not_exported(tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "networks.json").write_text(json.dumps(networks())[:60])
    result = run(tmp_path)
    assert result.exit_code == 2
    assert "error: networks.json" in result.output


def test_a_finding_names_the_whole_path(tmp_path: Path) -> None:
    folder = tmp_path / "a-project-with-a-long-name" / "networks" / "a-network-with-a-long-name"
    folder.mkdir(parents=True)
    (folder / "to-its-peer.europe-west4.OUTGOING.json").write_text("[{")
    result = run(export(tmp_path))
    path = (folder / "to-its-peer.europe-west4.OUTGOING.json").relative_to(tmp_path)
    assert f"error: {path}: " in result.stderr
