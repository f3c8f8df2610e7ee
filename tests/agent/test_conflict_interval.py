"""`--conflict-interval` on the agent that keeps rules: conflicts are seen, and a look that fails is only that."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from tests.agent.agent_process import PORT, AgentProcess, get, nft, wait_for_kept, wait_until
from tests.agent.test_seen import value, wait_for_value
from tests.kernel.foreign import agent_chain, restore

pytestmark = pytest.mark.kernel

CASE = "nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n  - 10.0.0.0/8\n"
METRICS = f"--metrics-bind-address=127.0.0.1:{PORT}"
CONFLICTS = "wayhome_foreign_rules_in_conflict"


@pytest.fixture(autouse=True)
def xtables_lock(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XTABLES_LOCKFILE", str(tmp_path_factory.mktemp("lock") / "xtables.lock"))


def children(agent: AgentProcess) -> str:
    assert agent.process is not None
    pid = agent.process.pid
    return "".join((task / "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir())


def test_without_it_nobody_looks(agent: AgentProcess) -> None:
    restore(agent_chain("10.0.0.0/8"))
    agent.write(CASE)
    agent.start(METRICS, "--backend=nftables")
    agent.wait_for("applied")
    wait_until(lambda: get("/readyz")[0] == 200, lambda: "readiness")
    for _ in range(50):
        assert children(agent) == ""
        time.sleep(0.02)
    assert value(CONFLICTS) is None
    assert value("wayhome_foreign_rules_read_errors_total") is None


def test_conflicts_come_and_go(agent: AgentProcess) -> None:
    agent.write(CASE)
    agent.start(METRICS, "--conflict-interval=1s")
    agent.wait_for("applied")
    wait_for_value(0, CONFLICTS, certainty="certain")
    nft(
        "add table ip x\nadd chain ip x c { type nat hook postrouting priority 200; }\n"
        "add rule ip x c ip daddr 10.9.0.0/16 masquerade"
    )
    said = agent.wait_for("conflict")["message"]
    assert "a rule in ip x c (nft) (ip daddr 10.9.0.0/16 masquerade)" in said
    assert "10.9.0.0/16, which shall see the Pod's own address" in said
    wait_for_value(1, CONFLICTS, certainty="certain")
    assert value(CONFLICTS, certainty="conditional") == 0
    assert get("/readyz")[0] == 200
    nft("delete table ip x")
    agent.wait_for("conflict gone")
    wait_for_value(0, CONFLICTS, certainty="certain")


def test_of_upstreams_chain_our_own_is_no_conflict(agent: AgentProcess) -> None:
    agent.write(CASE)
    agent.start(METRICS, "--conflict-interval=1s", "--backend=iptables-nft")
    agent.wait_for("applied")
    wait_for_value(0, CONFLICTS, certainty="certain")
    restore(agent_chain("192.168.0.0/16", name="IP-MASQ"))
    said = agent.wait_for("conflict")["message"]
    assert said.startswith("ip-masq-agent (upstream's, GKE's or Azure's) in ip nat POSTROUTING")
    wait_for_value(1, CONFLICTS, certainty="certain")


def test_a_look_that_hangs_or_dies_keeps_nobody_from_repairing(
    agent: AgentProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Listing hangs until somebody kills the look; everything else of nft's answers as ever."""
    programs = tmp_path / "programs"
    programs.mkdir()
    real = subprocess.run(["sh", "-c", "command -v nft"], capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
    (programs / "nft").write_text(f'#!/bin/sh\n[ "$1" = -j ] && exec sleep 600\nexec {real} "$@"\n')
    (programs / "nft").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    agent.write(CASE)
    agent.start(METRICS, "--conflict-interval=1s")
    monkeypatch.undo()  # the test asks nft too
    agent.wait_for("applied")
    look = int(wait_until(lambda: children(agent), lambda: "a look"))
    nft("delete table inet wayhome")
    agent.wait_for("repaired")
    wait_for_kept("172.16.0.0/16", "10.0.0.0/8")
    below = wait_until(
        lambda: Path(f"/proc/{look}/task/{look}/children").read_text(), lambda: "nft that hangs"
    )
    # The next look finds the real one.
    (programs / "new").write_text(f'#!/bin/sh\nexec {real} "$@"\n')
    (programs / "new").chmod(0o755)
    (programs / "new").rename(programs / "nft")
    os.kill(look, 9)
    os.kill(int(below), 9)
    assert "was killed by SIGKILL" in agent.wait_for("not looked")["message"]
    agent.wait_for("looked")
    assert value("wayhome_foreign_rules_read_errors_total") == 1
    wait_for_value(0, CONFLICTS, certainty="certain")
