"""`wayhome lab up --from`: a lab of any exports, kept up for whoever wants to try things in it. As two users."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.golden.corpus import golden
from tests.lab.conftest import WayhomeCommand
from tests.lab.test_programs import read_pcap

from bench import hosts_exports

pytestmark = pytest.mark.kernel

EXAMPLES = Path(__file__).parents[2] / "examples"
EXPORTS = str(EXAMPLES / "the-case/exports")
GATEWAY = "projects/destination-project/global/networks/target-network/internet-gateway"
Lab = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def lab(wayhome_command: WayhomeCommand) -> Iterator[Lab]:
    def lab(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return wayhome_command("lab", *arguments)

    yield lab
    lab("down")


def status_until(lab: Lab, text: str) -> str:
    until = time.monotonic() + 10
    while text not in (said := lab("status").stdout):
        assert time.monotonic() < until, said
    return said


def hosts(command: WayhomeCommand, count: int) -> Path:
    """Exports with so many instances, where the command's user may read them."""
    folder = Path(command.environment["XDG_RUNTIME_DIR"], "hosts")
    folder.mkdir()
    hosts_exports.write(folder, count)
    return folder


def curl(source: str, url: str) -> tuple[str, ...]:
    return ("exec", source, "--", "curl", "--silent", "--max-time", "1", url)


def test_what_is_tried_in_exports_ends_where_it_would_and_is_repaired_by_the_agents(
    lab: Lab,
) -> None:
    up = lab("up", "--from", EXPORTS)
    assert up.returncode == 0, up.stderr
    assert re.search(r"is up after .* s: \d+ nodes, 2 with an agent\n", up.stdout)
    assert lab(*curl("my-pod", "http://10.2.0.1/health")).returncode == 28
    said = status_until(lab, "PRIVATE_TRAFFIC_TO_INTERNET")
    death = re.search(
        r"10\.2\.0\.1:80 > 172\.16\.2\.2:\d+ tcp at target-network/internet-gateway: (\S+)", said
    )
    assert death is not None
    assert "agent on gke-node-02: the kernel holds the defaults" in said
    (died,) = json.loads(lab("status", "--json").stdout)["died"]
    assert (died["node"], died["cause"], died["source_port"]) == (GATEWAY, death[1], 80)
    done = lab("configmap", "--from-file", str(EXAMPLES / "the-case/config"))
    assert "the volumes on the nodes are changed" in done.stdout
    status_until(lab, "agent on gke-node-02: the kernel holds the configuration")
    answer = lab(*curl("default/my-pod", "http://10.2.0.1/health")).stdout
    assert json.loads(answer)["source"] == "10.1.0.3"
    assert "is down; nothing of it is left" in lab("down").stdout


def test_agents_are_configured_node_by_node(lab: Lab) -> None:
    assert lab("up", "--from", EXPORTS).returncode == 0
    file = ("configmap", "--from-file", str(EXAMPLES / "the-case/config"))
    done = lab(*file, "--node", "my-pod")
    assert (done.returncode, done.stderr) == (
        2, "wayhome: no agent runs on my-pod; agents run on: gke-node-01, gke-node-02\n",
    )  # fmt: skip
    assert "are changed" in lab(*file, "--node", "gke-node-01").stdout
    said = status_until(lab, "agent on gke-node-01: the kernel holds the configuration")
    assert "agent on gke-node-02: the kernel holds the defaults" in said
    assert "are changed" in lab(*file).stdout
    status_until(lab, "agent on gke-node-02: the kernel holds the configuration")
    assert "they hold this configuration already" in lab(*file).stdout


def test_what_up_proposes_fails_by_the_cloud_and_not_by_the_way_it_is_typed(
    wayhome_command: WayhomeCommand, lab: Lab
) -> None:
    up = lab("up", "--from", EXPORTS).stdout
    (typed,) = re.findall(r"lab (exec .*)", up)
    assert lab(*typed.split()).returncode == 28
    assert "lab capture " in up
    (node,) = re.findall(r"lab capture (\S+)", up)
    file = Path(wayhome_command.environment["XDG_RUNTIME_DIR"], "node.pcap")
    capture = wayhome_command.start("lab", "capture", node, str(file), "--seconds", "4")
    while not (file.exists() and len(file.read_bytes()) >= 24):
        time.sleep(0.01)
    lab(*typed.split())
    assert capture.wait(10) == 0
    assert capture.stdout
    capture.stdout.close()
    assert len(read_pcap(file.read_bytes())) > 2


def test_of_flows_that_are_named_only_what_they_touch_is_built(lab: Lab) -> None:
    flows = ("--flow", "my-pod", "target-gce-01:5432", "--flow", "test-gce-01", "10.2.0.1")
    up = lab("up", "--from", EXPORTS, *flows)
    assert up.returncode == 0, up.stderr
    assert re.search(r"\b7 of \d+ nodes are built, as many as the flows can touch", up.stdout)
    assert lab(*curl("my-pod", "http://10.2.0.1:5432/health")).returncode == 28
    assert '"10.1.0.4"' in lab(*curl("test-gce-01", "http://10.2.0.1:5432/health")).stdout
    assert lab(*curl("my-pod", "http://10.1.0.2/health")).returncode == 28
    said = status_until(lab, "NOT_BUILT (")
    assert "> 10.1.0.2:80 tcp at not built: NOT_BUILT" in said
    assert lab("exec", "other-pod", "--", "true").returncode == 2


def test_a_node_answers_by_each_protocol_with_the_address_that_it_sees(lab: Lab) -> None:
    assert lab("up", "--from", EXPORTS).returncode == 0
    program = (
        "import socket\n"
        "with socket.create_connection(('10.1.0.4', 23), 2) as greeted: print(greeted.recv(99).decode(), end='')\n"
        "with socket.create_connection(('10.1.0.4', 80), 2) as odd:\n"
        "    odd.sendall(b'\\r\\n\\r\\n'); print(odd.recv(999).split(b'\\r\\n')[0].decode())\n"
    )
    said = lab("exec", "gke-node-01", "--", "python3", "-c", program).stdout
    assert said == "10.1.0.2\nHTTP/1.1 404 Not Found\n"
    assert lab("exec", "gke-node-01", "--", "ping", "-c", "1", "10.1.0.4").returncode in {0, 4}


def test_interfaces_say_what_they_are_in_the_network(lab: Lab) -> None:
    assert lab("up", "--from", EXPORTS).returncode == 0
    said = lab("exec", "my-network", "--", "ip", "link").stdout
    assert (
        "alias projects/source-project/zones/asia-northeast1-a/instances/gke-node-02/nic0" in said
    )
    assert "alias NO_ROUTE" in said


def test_names_of_somebody_hostile_move_no_cursor_and_can_still_be_typed(
    wayhome_command: WayhomeCommand, lab: Lab
) -> None:
    exports = golden("hostile-names", Path(wayhome_command.environment["XDG_RUNTIME_DIR"], "x"))
    up = lab("up", "--from", str(exports))
    assert up.returncode == 0, up.stderr
    (typed,) = re.findall(r"lab (exec .*)", up.stdout)
    assert typed.startswith("exec 172.16.1.2 -- curl")
    assert lab(*typed.split()).returncode == 28
    shown = (
        up,
        lab("status"),
        lab("exec", "gke-node-01", "--", "ip", "link"),
        lab("exec", "-", "x"),
    )
    for done in shown:
        assert "\x1b" not in done.stdout + done.stderr
    assert "alias pod default/a\\x1b[2Jb" in shown[2].stdout
    assert "\\x1b[2Jb  " in shown[1].stdout


def test_a_node_that_was_seen_to_hold_rules_has_them_and_no_agent(
    wayhome_command: WayhomeCommand, lab: Lab
) -> None:
    exports = golden("foreign-rule", Path(wayhome_command.environment["XDG_RUNTIME_DIR"], "x"))
    up = lab("up", "--from", str(exports))
    assert ": 16 nodes, 1 with an agent" in up.stdout
    said = "  instance gke-node-02 of source-project has the very rules that it was seen to hold, and no agent"
    assert said in up.stdout.splitlines()
    assert said in lab("status").stdout.splitlines()
    rules = lab("exec", "gke-node-02", "--", "iptables-nft-save", "-t", "nat").stdout
    assert "MASQUERADE" in rules


def test_a_name_that_means_several_nodes_is_refused_with_their_names(lab: Lab) -> None:
    assert lab("up", "--from", EXPORTS).returncode == 0
    done = lab("exec", "internet-gateway", "--", "true")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"internet-gateway means several nodes: {GATEWAY}, projects/source-" in done.stderr
    for name in ("target-network/internet-gateway", GATEWAY, "target-network", "10.2.0.1"):
        assert lab("exec", name, "--", "true").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say which case (the-case), or --from DIRECTORY"),
        (("the-case", "--from", EXPORTS), "say which case (the-case), or --from DIRECTORY"),
        (("--from", "/nowhere"), "does not exist"),
        (("--from", EXPORTS, "--flow", "my-pod", "nobody"), "nobody is no Pod"),
        (("--from", EXPORTS, "--flow", "my-pod", "10.2.0.1:http"), "http is no port"),
        (("--from", EXPORTS, "--flow", "my-pod"), "requires 2 arguments"),
    ],
)
def test_what_cannot_be_built_is_said_and_nothing_is_up(
    lab: Lab, arguments: tuple[str, ...], said: str
) -> None:
    done = lab("up", *arguments)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False)
    assert lab("status").stderr == "wayhome: no lab is up. `wayhome lab up the-case` starts one\n"


def test_a_network_without_agents_has_nobody_to_configure(
    wayhome_command: WayhomeCommand, lab: Lab
) -> None:
    folder = hosts(wayhome_command, 4)
    assert lab("up", "--from", str(folder)).returncode == 0
    assert '"10.1.0.2"' in lab(*curl("host-1", "http://10.0.0.2/health")).stdout
    done = lab("configmap", "--delete")
    assert (done.returncode, "no agent runs in" in done.stderr) == (2, True)


def test_a_network_that_is_too_large_is_refused_with_what_to_name(
    wayhome_command: WayhomeCommand, lab: Lab
) -> None:
    folder = hosts(wayhome_command, 600)
    done = lab("up", "--from", str(folder))
    assert done.returncode == 2
    assert "at most 500 are built; name flows by --flow SOURCE DESTINATION[:PORT]" in done.stderr
    up = lab("up", "--from", str(folder), "--flow", "host-0", "host-1:80")
    assert re.search(r"\b4 of 6\d\d nodes are built", up.stdout)
    assert '"10.0.0.2"' in lab(*curl("host-0", "http://10.1.0.2/health")).stdout
