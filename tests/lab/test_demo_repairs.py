"""`--all` and `--repair`: every repair that the account names, with real packets, real nginx and real BIRD."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.golden.corpus import golden

pytestmark = pytest.mark.kernel
Run = Callable[..., "subprocess.CompletedProcess[str]"]

POD, NODE, TARGET = "172.16.2.2", "10.1.0.3", "10.2.0.1"
PROXIES = {"10.1.0.6", "10.1.0.7"}
# By kind: whether the target answers, as whom it sees the Pod, and whether it could ask the Pod. From the account, and from
# what the project says of what the account did not try; written out here once more.
SEEN: dict[str, tuple[bool, set[str], bool]] = {
    "before": (False, {POD}, False),
    "masquerade": (True, {NODE}, False),
    "exchange-routes": (True, {POD}, True),
    "export-only": (False, {POD}, False),
    "import-only": (False, {POD}, False),
    "proxy-vm": (True, PROXIES, False),
    "proxy-pod": (False, {"172.16.2.3"}, False),
    "vpc-native": (True, {"172.17.1.2"}, True),
    "shared-vpc": (True, {"172.17.1.2"}, True),
    "public-path": (True, {"34.127.255.2"}, False),
}
BGP = ["subnets-only", "advertise-range", "withdrawn"]
DIES = {
    "place": "projects/destination-project/global/networks/target-network/internet-gateway",
    "cause": "PRIVATE_TRAFFIC_TO_INTERNET",
}


def run(command: Run, *options: str, status: int = 0) -> dict[str, Any]:
    done = command("lab", "run", "the-case", *options, "--json")
    assert (done.returncode, done.stderr) == (status, ""), done.stdout
    document: dict[str, Any] = json.loads(done.stdout)
    assert document.keys() == {"schema", "phases", "as_expected"}
    assert (document["schema"], document["as_expected"]) == (1, status == 0)
    return document


def check(phase: dict[str, Any]) -> None:
    works, sources, opens_reverse = SEEN[phase["name"]]
    for probe in phase["probes"]:
        reverse = probe["source"] == "target-gce-01"
        assert {probe["source"], probe["destination"]} == {"my-pod", "target-gce-01"}
        assert probe["reached"] is (opens_reverse if reverse else works), probe
        assert probe["expected"] is probe["reached"] is probe["predicted"]["reached"]
        if reverse:
            assert probe["source_seen"] == (TARGET if opens_reverse else None)
        else:
            assert probe["source_seen"] in sources
        if not probe["reached"]:
            assert probe["lost"] == {"leg": "request" if reverse else "reply", **DIES}
    assert phase["as_expected"] is True


def test_all_repairs(wayhome_command: Run) -> None:
    document = run(wayhome_command, "--all")
    assert [phase["name"] for phase in document["phases"]] == [*SEEN, *BGP]
    for phase in document["phases"]:
        if phase["name"] in SEEN:
            check(phase)
            assert phase["kind"] == (None if phase["name"] == "before" else phase["name"])
        else:
            assert phase["kind"] == "advertise-range"
            found = [
                probe["reached"] for probe in phase["probes"]
                if (probe["source"], probe["destination"]) == ("my-pod", "target-gce-01")
            ]  # fmt: skip
            assert set(found) == {phase["name"] == "advertise-range"}
    (proxies,) = (phase for phase in document["phases"] if phase["name"] == "proxy-vm")
    (survival,) = proxies["survivals"]
    assert survival["died"].endswith("-80-1")
    assert (survival["check_interval_seconds"], survival["unhealthy_threshold"]) == (1, 2)
    assert 0 < survival["lost_until_left_out"] < survival["requests_until_left_out"]
    assert (survival["lost_after"], survival["lost"]) == (0, survival["lost_until_left_out"])
    assert 1 <= survival["seconds_until_left_out"] <= 3.5


def test_some_repairs_for_people_in_the_cases_order(wayhome_command: Run) -> None:
    done = wayhome_command(
        "lab", "run", "the-case", "--repair", "proxy-pod", "--repair", "exchange-routes"
    )
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    said = " ".join(done.stdout.split())
    before, exchange, proxy = (
        said.find(f"{one}: ") for one in ("before", "exchange-routes", "proxy-pod")
    )
    assert 0 < before < exchange < proxy
    assert (
        "nginx runs on proxy-to-destination, with the configuration that the repair writes" in said
    )
    assert "the reply to 172.16.2.3 died at internet-gateway of target-network" in said
    assert "a control, expected to fail" in said
    assert "16 of 16" not in said
    assert "14 of 14 probes as expected and as predicted" in said


def test_repairs_of_any_exports_and_flow(tmp_path: Path) -> None:
    exports = golden("firewall-behind-the-route", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "wayhome", "lab", "run", "--from", exports, "my-pod",
         "target-gce-01:80", "--repair", "open-firewall", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    before, repaired = json.loads(done.stdout)["phases"]
    assert before["probes"][0]["reached"] is False
    assert {probe["protocol"] for probe in repaired["probes"]} == {"http"}
    assert repaired["probes"][0]["reached"] is True


def test_where_nothing_is_proposed_that_is_said(wayhome_command: Run) -> None:
    exports = Path(__file__).parents[2] / "examples/the-case/exports"
    flow = ("test-gce-01", "target-gce-01:80", "--all")
    done = wayhome_command("lab", "run", "--from", str(exports), *flow)
    assert done.returncode == 0, done.stderr
    assert "  no repair is proposed\n" in done.stdout


WRONG_CLAIM = """
from dataclasses import replace
from wayhome.cli.main import wayhome
from wayhome.lab.the_case import repairs
claim = repairs.CLAIMS.repairs["exchange-routes"]
repairs.CLAIMS.repairs["exchange-routes"] = replace(claim, opens_reverse=False)
wayhome(["lab", "run", "the-case", "--repair", "exchange-routes"])
"""


def test_a_claim_that_does_not_hold_is_not_as_expected() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRONG_CLAIM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    said = " ".join(done.stdout.split())
    assert "target-gce-01 → my-pod over http: expected the request to die at" in said
    assert "predicted to be reached from 10.2.0.1; seen: reached from 10.2.0.1" in said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("the-case", "--repair", "exchange-rotues"), "what is: masquerade, exchange-routes,"),
        (("the-case", "--all", "--repair", "masquerade"), "leave out --repair, or --all"),
        (("the-case", "--all", "--api-server", "x"), "leave it out here"),
        (("--all",), "say which case (the-case), or --from DIRECTORY"),
        (("--from", "/", "--all"), "say SOURCE DESTINATION[:PORT]"),
    ],
)
def test_what_cannot_be_meant(wayhome_command: Run, options: tuple[str, ...], says: str) -> None:
    done = wayhome_command("lab", "run", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


WITHOUT_NGINX = """
import shutil
from wayhome.cli.main import wayhome
shutil.which = lambda *_, **__: None
wayhome(["lab", "run", "the-case", "--repair", "proxy-vm", "--json"])
"""


def test_without_nginx_nothing_is_begun() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NGINX], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (4, "")
    assert "apt-get install nginx" in done.stderr
