"""The real agent as a process: damage to its rules, signals, kills, a second one, what it lacks, and its log."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.agent.agent_process import (
    CASE,
    CASE_RANGES,
    PORT,
    WITHOUT_RIGHTS,
    AgentProcess,
    get,
    kept,
    nft,
    rules,
    saved,
    wait_for_kept,
    wait_until,
)

from wayhome.agent import lock

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(
    "damage",
    [
        "delete table inet wayhome",
        "flush ruleset",
        "flush chain inet wayhome postrouting",
        "flush set inet wayhome keep4",
        "add element inet wayhome keep4 { 192.0.2.0/24 }",
        "delete element inet wayhome keep4 { 10.0.0.0/8 }",
        "insert rule inet wayhome postrouting accept",
        "add table inet wayhome { flags dormant; }",
    ],
)
def test_damage_is_repaired(running: AgentProcess, damage: str) -> None:
    before = rules()
    nft(damage)
    running.wait_for("repaired")
    assert rules() == before


def test_the_tables_of_others_are_nobodys_business(running: AgentProcess) -> None:
    nft("add table ip foreign\nadd chain ip foreign x\n")
    time.sleep(1.3)
    nft("delete table ip foreign\n")
    time.sleep(0.3)
    assert not [line for line in running.lines() if line["event"] == "repaired"]


def test_sigterm_leaves_the_rules_and_a_restart_sends_nothing(running: AgentProcess) -> None:
    before = rules()
    assert running.stop() == 0
    running.wait_for("stopped")
    assert rules() == before
    running.start()
    assert running.wait_for("applied")["how"] == "nothing to change"


def test_a_second_agent_waits_for_the_first(running: AgentProcess, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    second = AgentProcess(tmp_path / "second")
    second.write(CASE)
    second.start()
    try:
        second.wait_for("waiting")
        assert kept() == {"10.0.0.0/8"}
        running.stop()
        second.wait_for("applied")
        assert kept() == set(CASE_RANGES)
    finally:
        second.kill()


def test_the_lock_belongs_to_the_network(running: AgentProcess) -> None:
    taken = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with taken, pytest.raises(OSError, match="in use"):
        taken.bind(lock.NAME)


def test_killed_at_any_moment_the_kernel_holds_the_old_policy_or_the_new_one(
    agent: AgentProcess,
) -> None:
    """At the start, and during a change: the moments are spread over what both take."""
    policies = {"a": ("10.0.0.0/8",), "b": CASE_RANGES, "c": (*CASE_RANGES, "192.168.0.0/16")}
    texts = {
        name: f"nonMasqueradeCIDRs: [{', '.join(ranges)}]\n" for name, ranges in policies.items()
    }
    agent.write(texts["a"])
    agent.start()
    agent.wait_for("applied")
    agent.kill()
    dice = random.Random(7)
    held = "a"
    for _ in range(25):
        wanted = dice.choice([name for name in policies if name != held])
        agent.write(texts[wanted])
        agent.start()
        time.sleep(dice.uniform(0.0, 0.25))
        assert agent.process is not None
        os.kill(agent.process.pid, signal.SIGKILL)
        agent.process.wait()
        now = kept()
        assert now in (set(policies[held]), set(policies[wanted]))
        held = next(name for name, ranges in policies.items() if set(ranges) == now)
    agent.start()
    agent.wait_for("applied")


def test_without_a_writable_folder_one_line_says_what_is_lost(agent: AgentProcess) -> None:
    agent.state.write_text("a file where the folder should be")
    agent.write(CASE)
    agent.start()
    agent.wait_for("applied")
    assert "upstream's defaults would apply" in agent.wait_for("not remembered")["message"]


def test_with_standard_error_closed_it_works_all_the_same(agent: AgentProcess) -> None:
    agent.write(CASE)
    command = (
        f"exec {sys.executable} -m wayhome.agent --config={agent.config} --state={agent.state} 2>&-"
    )
    agent.process = subprocess.Popen(["/bin/sh", "-c", command])
    wait_for_kept(*CASE_RANGES)


def test_while_a_program_hangs_it_answers_hears_signals_and_ends(
    agent: AgentProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    started = tmp_path / "restore-started"
    restore = programs / "iptables-nft-restore"
    restore.write_text(f"#!/bin/sh\necho $$ >{started}\nexec sleep 60\n")
    restore.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    agent.write(CASE)
    agent.start(f"--metrics-bind-address=127.0.0.1:{PORT}", "--backend=iptables-nft")
    wait_until(lambda: started.exists() and started.read_text(), lambda: "a restore to be started")
    try:
        assert get("/healthz")[0] == 200
        assert get("/readyz")[0] == 503
        assert "wayhome_ready 0" in get("/metrics")[1]
        assert agent.stop() == 0
        assert "as a whole or not at all" in agent.wait_for("abandoned")["message"]
        agent.wait_for("stopped")
    finally:
        os.kill(int(started.read_text()), signal.SIGKILL)
        monkeypatch.undo()
    assert not any("IP-MASQ-AGENT" in rule for rule in saved("iptables-nft"))


def test_without_rights_it_ends_and_names_the_one_that_it_lacks(
    agent: AgentProcess, tmp_path: Path
) -> None:
    wrapper = tmp_path / "without_rights.py"
    wrapper.write_text(WITHOUT_RIGHTS)
    agent.start(wrapper=[str(wrapper)])
    assert agent.process is not None
    assert agent.process.wait(10) == 4
    assert "CAP_NET_ADMIN" in agent.wait_for("kernel")["message"]


def test_text_logs_are_for_people(agent: AgentProcess) -> None:
    agent.write(CASE)
    agent.start("--log-format=text")
    wait_for_kept(*CASE_RANGES)
    agent.stop()
    text = agent.log.read_text()
    assert not [line for line in text.splitlines() if line.startswith("{")]
    assert "INFO    the kernel holds the configuration" in text


def test_json_logs_are_one_object_a_line(running: AgentProcess) -> None:
    running.stop()
    for line in running.log.read_text().splitlines():
        assert {"time", "level", "event", "message"} <= json.loads(line).keys()
