"""`wayhome lab run --from`: as a command, as this user and as one without rights."""

import json
from pathlib import Path

import pytest
from tests.lab.conftest import WayhomeCommand

from bench import hosts_exports

pytestmark = pytest.mark.kernel

EXPORTS = str(Path(__file__).parents[3] / "examples/the-case/exports")


def test_one_flow(wayhome_command: WayhomeCommand) -> None:
    done = wayhome_command("lab", "run", "--from", EXPORTS, "my-pod", "target-gce-01:80", "--json")
    assert done.returncode == 0, done.stderr
    (flow,) = json.loads(done.stdout)["flows"]
    assert (flow["as_predicted"], flow["reached"], flow["lost"]) == (True, False, "reply")
    assert flow["predicted"]["cause"] == flow["cause"] == "PRIVATE_TRAFFIC_TO_INTERNET"
    assert flow["source_seen"] == "172.16.2.2"


def test_all_flows(wayhome_command: WayhomeCommand) -> None:
    done = wayhome_command("lab", "run", "--from", EXPORTS)
    assert done.returncode == 0, done.stderr
    *rows, verdict, last = done.stdout.splitlines()
    assert verdict.endswith("in one network out of namespaces: all as predicted")
    assert last.startswith("  the project's agent ran on gke-node-01, gke-node-02")
    assert len(rows) == 3 * int(verdict.split()[0])
    assert "Pod default/my-pod: 172.16.2.2 > 10.1.0.4:80 tcp" in rows


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", EXPORTS, "my-pod"), "a flow is SOURCE DESTINATION[:PORT]"),
        (("--from", EXPORTS, "--protocol", "udp"), "--protocol is that of one flow"),
        (("--from", EXPORTS, "nobody", "10.2.0.1"), "nobody is no Pod"),
        (("--from", "/nowhere"), "does not exist"),
        (("the-case", "--protocol", "udp"), "it goes with --from"),
        ((), "say which case (the-case), or --from DIRECTORY"),
    ],
)
def test_what_cannot_be_asked(
    wayhome_command: WayhomeCommand, arguments: tuple[str, ...], said: str
) -> None:
    done = wayhome_command("lab", "run", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_of_a_large_network_what_flows_touch_is_built(wayhome_command: WayhomeCommand) -> None:
    exports = Path(wayhome_command.environment["XDG_RUNTIME_DIR"], "hosts")
    exports.mkdir()
    hosts_exports.write(exports, 600)
    where = ("--from", str(exports))
    done = wayhome_command("lab", "run", *where, "host-0", "host-1:80", "--json")
    content = json.loads(done.stdout)
    assert (content["nodes"]["built"], content["flows"][0]["reached"]) == (4, True)
    assert content["nodes"]["of"] > 600
    checked = wayhome_command("lab", "check", *where, "--sample", "5")
    assert checked.returncode == 0, checked.stderr
    verdict, cut = checked.stdout.splitlines()
    assert verdict.startswith("no disagreement: 5 flows")
    assert "nodes are built, as many as the flows can touch" in cut
    for command, instead in (
        ("run", "say SOURCE DESTINATION"),
        ("check", "draw flows by --sample"),
    ):
        refused = wayhome_command("lab", command, *where)
        assert (refused.returncode, instead in refused.stderr) == (2, True)
