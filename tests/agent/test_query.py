"""`wayhome-agent query` beside a real agent: what it holds, what a candidate would change, what conntrack shows."""

import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from tests.agent.agent_process import CASE, AgentProcess
from tests.kernel.entries import TCP, Entry, insert
from tests.kernel.wire import Wire

from wayhome.policy.united import pack

pytestmark = pytest.mark.kernel

CANDIDATE = CASE + "  - 10.2.0.0/16\n"


class Queries:
    def __init__(self, path: Path) -> None:
        self.path = path

    def ask(self, *arguments: str, stdin: str = "") -> tuple[int, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "wayhome.agent", "query", f"--query-socket={self.path}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


@pytest.fixture
def queries(tmp_path: Path) -> Queries:
    return Queries(tmp_path / "query")


def start(agent: AgentProcess, queries: Queries, *flags: str) -> None:
    agent.write(CASE)
    agent.start(f"--query-socket={queries.path}", *flags)
    agent.wait_for("applied")


def test_status(agent: AgentProcess, wire: Wire, queries: Queries) -> None:
    start(agent, queries)
    code, status = queries.ask("status")
    assert (code, status["schema"], status["state"], status["ready"]) == (0, 1, "applied", True)
    assert status["source"] == f"file {agent.config}"
    agent.write("nonMasqueradeCIDRs: [10.0.0.1/8]\n")
    agent.wait_for("rejected")
    _, status = queries.ask("status")
    assert status["state"] == "rejected"
    assert "line 1" in status["error"]
    agent.stop()
    code, problem = queries.ask("status")
    assert (code, "no agent answers" in problem) == (4, True)


def talk() -> None:
    """What is open on the node; 10.2.0.0/16 is masqueraded by the case's configuration, 10.1.0.0/16 is not."""
    insert(
        *(Entry("10.4.0.9", "10.2.0.10", TCP, 1024 + n, 5432, "10.0.0.1") for n in range(12)),
        Entry("10.4.0.9", "10.2.0.11", masqueraded_to="10.0.0.1"),
        Entry("10.4.0.9", "10.1.0.1"),
    )


def own_address(wire: Wire) -> None:
    subprocess.run(["ip", "address", "add", "10.0.0.1/32", "dev", "lo"], check=True)


def test_a_plan(agent: AgentProcess, wire: Wire, queries: Queries) -> None:
    own_address(wire)
    start(agent, queries)
    talk()
    code, plan = queries.ask("plan", stdin=CANDIDATE)
    assert (code, plan["schema"], plan["valid"], plan["compared_with"]) == (1, 1, True, "policy")
    assert plan["changes"] == [{"prefix": "10.2.0.0/16", "from": "masquerade", "to": "keep", "line": 4}]  # fmt: skip
    connections = plan["connections"]
    assert (connections["looked_at"], connections["changed"], connections["complete"]) == (13, 13, True)  # fmt: skip
    assert connections["total"] >= 14
    first, second = connections["examples"]
    assert (first["destination"], first["port"], first["connections"]) == ("10.2.0.10", 5432, 12)
    assert (first["now"], first["then"], first["line"]) == ("masquerade", "keep", 4)
    assert second["protocol"] == "udp"
    assert connections["transition"]["expire-udp"] == {"udp": 1}
    # An API server before 1.30 does not tell the end: then the size does.
    code, same = queries.ask("plan", f"--bytes={len(CASE)}", stdin=CASE + "- rubbish")
    assert (code, same["changes"], same["connections"]["changed"]) == (0, [], 0)


def test_a_plan_of_what_is_wrong(agent: AgentProcess, wire: Wire, queries: Queries) -> None:
    start(agent, queries)
    code, plan = queries.ask("plan", stdin="nonMasqueradeCIDRs:\n  - 10.0.0.1/8\n")
    assert (code, plan["valid"]) == (2, False)
    assert (plan["findings"][0]["line"], plan["findings"][0]["severity"]) == (2, "error")


def test_a_plan_where_iptables_holds_the_rules(
    agent: AgentProcess, wire: Wire, queries: Queries
) -> None:
    own_address(wire)
    start(agent, queries, "--backend=iptables-nft")
    talk()
    code, plan = queries.ask("plan", stdin=CANDIDATE)
    assert (code, plan["compared_with"], plan["connections"]["changed"]) == (1, "policy", 13)


def test_a_plan_of_several_configmaps(agent: AgentProcess, wire: Wire, queries: Queries) -> None:
    """As an operator unites them; the line is the one in its own ConfigMap."""
    start(agent, queries)
    texts = {"kube-system/site": CASE.encode(), "kube-system/team": b"nonMasqueradeCIDRs: [10.2.0.0/16]\n"}  # fmt: skip
    code, plan = queries.ask("plan", "--united", stdin=pack(texts).decode())
    assert (code, plan["valid"]) == (1, True)
    assert plan["changes"] == [{"prefix": "10.2.0.0/16", "from": "masquerade", "to": "keep", "line": 1}]  # fmt: skip
    wrong = pack({**texts, "kube-system/team": b"nonMasqueradeCIDRs: [10.2.0.1/16]\n"}).decode()
    code, plan = queries.ask("plan", "--united", stdin=wrong)
    assert (code, plan["valid"]) == (2, False)
    assert plan["findings"][0]["configmap"] == "kube-system/team"


def test_no_time_to_look_at_everything(agent: AgentProcess, wire: Wire, queries: Queries) -> None:
    own_address(wire)
    start(agent, queries)
    insert(
        *(Entry("10.4.0.9", f"10.2.{n >> 8}.{n & 255}", TCP, 1024, 5432, "10.0.0.1") for n in range(10_001))
    )  # fmt: skip
    code, plan = queries.ask("plan", "--seconds=0", stdin=CANDIDATE)
    connections = plan["connections"]
    assert (code, connections["complete"], connections["looked_at"]) == (3, False, 10_000)
    assert len(connections["examples"]) == 20


def test_the_process_that_asks_is_ended_before_the_agent(
    agent: AgentProcess, wire: Wire, queries: Queries
) -> None:
    start(agent, queries)
    command = [sys.executable, "-m", "wayhome.agent", "query", f"--query-socket={queries.path}", "plan"]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as asking:
        # It reads its configuration once the agent has told it what holds.
        assert asking.stdin
        asking.stdin.write(b"{")
        asking.stdin.flush()
        score = Path(f"/proc/{asking.pid}/oom_score_adj")
        while score.read_text().strip() != "1000":
            pass
        asking.stdin.close()
        assert asking.wait(30) == 2


def test_which_address_a_connection_left_with(
    agent: AgentProcess, wire: Wire, queries: Queries
) -> None:
    own_address(wire)
    start(agent, queries)
    talk()
    code, found = queries.ask("translation", "tcp", "10.4.0.9:1024", "10.2.0.10:5432")
    assert (code, found["source"], found["translated"]) == (0, "10.0.0.1", True)
    code, found = queries.ask("translation", "tcp", "10.4.0.9:9", "10.2.0.10:5432")
    assert (code, found) == (3, {"schema": 1, "known": False})
    code, found = queries.ask("translation", "tcp", "10.4.0.9:9", "[fd00::1]:5432")
    assert (code, "not of one IP version" in found["problem"]) == (2, True)
    code, found = queries.ask("translation", "tcp", "pod:9", "10.2.0.10:5432")
    assert (code, "problem" in found) == (2, True)


def test_an_echo_is_found_by_its_identifier(netns: object) -> None:
    """A real one, over the loopback, in a network where connections are tracked."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["nft", "add table inet t; add chain inet t c { type filter hook output priority 0; }; add rule inet t c ct state new accept"], check=True)  # fmt: skip
    Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 0")
    probe = [sys.executable, "-m", "wayhome.agent", "probe", "icmp"]
    for address in ("127.0.0.1", "::1"):
        done = subprocess.run([*probe, address], capture_output=True, text=True, check=True)
        (attempt,) = json.loads(done.stdout)["attempts"]
        source = f"[{address}]" if ":" in address else address
        code, found = Queries(Path("/nowhere")).ask(
            "translation", "icmp", f"{source}:{attempt['source_port']}", address
        )
        assert (code, found["translated"]) == (0, False)
        assert ip_address(found["source"]) == ip_address(address)


def test_clients_that_mean_no_good_do_not_keep_the_agent_from_its_work(
    agent: AgentProcess, wire: Wire, queries: Queries
) -> None:
    """Many connections at once that say nothing, half a query or rubbish, without end, while the list changes."""
    start(agent, queries)
    stopping = threading.Event()

    def flood(said: bytes) -> None:
        while not stopping.is_set():
            with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
                client.settimeout(0.2)
                client.connect(str(queries.path))
                client.sendall(said)
                client.recv(100)

    rubbish = (b"", b'{"query": ', b"x" * 100_000, b'{"query": "status"}\n')
    threads = [threading.Thread(target=flood, args=(said,)) for said in rubbish * 8]
    for thread in threads:
        thread.start()
    try:
        for number in range(5):
            began = time.monotonic()
            agent.write(CASE + f"  - 10.{number + 10}.0.0/16\n")
            agent.wait_for("applied")
            assert time.monotonic() - began < 3
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    assert queries.ask("status")[1]["state"] == "applied"
