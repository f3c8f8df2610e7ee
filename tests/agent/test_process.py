"""The real agent on a real kernel: every way in which its file or its table changes."""

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
    PORT,
    WITHOUT_RIGHTS,
    AgentProcess,
    get,
    kept,
    nft,
    wait_for_kept,
    wait_until,
)

from wayhome.agent import lock

pytestmark = pytest.mark.kernel

CASE = "nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n  - 10.1.0.0/16\n"
CASE_RANGES = ("172.16.0.0/16", "10.1.0.0/16")
DEFAULTS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")


def test_without_a_file_it_applies_upstreams_defaults_and_names_the_cure(
    agent: AgentProcess,
) -> None:
    (agent.config.parent / "..data").symlink_to("..1")
    agent.start()
    said = agent.wait_for("no configuration")
    assert "--from-file=config=FILE" in said["message"]
    agent.wait_for("applied")
    wait_for_kept(*DEFAULTS)


def test_a_file_that_is_there_at_the_start(agent: AgentProcess) -> None:
    agent.write(CASE)
    agent.start()
    agent.wait_for("applied")
    assert kept() == set(CASE_RANGES)


@pytest.fixture
def running(agent: AgentProcess) -> AgentProcess:
    agent.write("nonMasqueradeCIDRs: [10.0.0.0/8]\n")
    agent.start()
    agent.wait_for("applied")
    return agent


def test_a_rename_over_the_file(running: AgentProcess) -> None:
    running.write(CASE)
    wait_for_kept(*CASE_RANGES)


def test_a_write_in_place_never_shows_half_of_it(running: AgentProcess) -> None:
    with running.config.open("w") as file:
        file.write(CASE[:30])
        file.flush()
        time.sleep(0.1)
        assert kept() == {"10.0.0.0/8"}
        file.write(CASE[30:])
    wait_for_kept(*CASE_RANGES)
    assert all(line["event"] != "rejected" for line in running.lines())


def swap(folder: Path, name: str, text: str | None) -> None:
    """What the kubelet does to a ConfigMap volume."""
    version = folder / f"..{time.monotonic_ns()}"
    version.mkdir()
    if text is not None:
        (version / name).write_text(text)
    (folder / "..data_tmp").symlink_to(version.name)
    (folder / "..data_tmp").rename(folder / "..data")
    if text is not None and not (folder / name).is_symlink():
        (folder / name).symlink_to(f"..data/{name}")


def test_the_swap_of_a_configmap_volume(agent: AgentProcess) -> None:
    swap(agent.config.parent, agent.config.name, "nonMasqueradeCIDRs: [10.0.0.0/8]\n")
    agent.start()
    agent.wait_for("applied")
    assert kept() == {"10.0.0.0/8"}
    swap(agent.config.parent, agent.config.name, CASE)
    wait_for_kept(*CASE_RANGES)


def test_a_file_that_is_deleted_and_restored_within_ten_seconds(running: AgentProcess) -> None:
    running.config.unlink()
    running.wait_for("removed")
    assert kept() == {"10.0.0.0/8"}
    running.write(CASE)
    wait_for_kept(*CASE_RANGES)


def test_a_file_that_is_deleted_for_good(running: AgentProcess) -> None:
    before = time.monotonic()
    running.config.unlink()
    running.wait_for("removed")
    wait_until(lambda: kept() == set(DEFAULTS), lambda: "the defaults", timeout=15)
    assert 9.5 < time.monotonic() - before < 12
    assert not list(running.state.iterdir()), "what was removed must not come back after a restart"


def test_a_symlink_that_leads_to_another_folder_is_followed_at_the_next_event(
    agent: AgentProcess,
) -> None:
    """Nothing tells of it. Whatever wakes the agent makes it look: here, a change of somebody's tables."""
    folder = agent.config.parent
    other = folder.rename(folder.with_name("first")).with_name("second")
    folder.symlink_to("first")
    agent.write("nonMasqueradeCIDRs: [10.0.0.0/8]\n")
    agent.start()
    agent.wait_for("applied")
    other.mkdir()
    (other / agent.config.name).write_text(CASE)
    folder.with_name("new").symlink_to("second")
    folder.with_name("new").rename(folder)
    nft("add table inet others\n")
    wait_for_kept(*CASE_RANGES)


def test_a_folder_that_goes_away_and_comes_back(running: AgentProcess) -> None:
    aside = running.config.parent.rename(running.config.parent.parent / "aside")
    running.wait_for("polling")
    running.wait_for("unreadable")
    assert kept() == {"10.0.0.0/8"}
    (aside / "ip-masq-agent").write_text(CASE)
    aside.rename(running.config.parent)
    wait_for_kept(*CASE_RANGES)
    running.wait_for("watching")


def test_a_folder_that_is_replaced_at_once_is_watched_again(running: AgentProcess) -> None:
    new = running.config.parent.parent / "new"
    new.mkdir()
    (new / "ip-masq-agent").write_text(CASE)
    running.config.parent.rename(new.parent / "aside")
    new.rename(running.config.parent)
    wait_for_kept(*CASE_RANGES)
    time.sleep(0.3)
    running.write("nonMasqueradeCIDRs: [192.168.0.0/16]\n")
    wait_for_kept("192.168.0.0/16")


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


def rules() -> str:
    done = subprocess.run(
        ["nft", "list", "table", "inet", "wayhome"], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_tables_of_others_are_nobodys_business(running: AgentProcess) -> None:
    nft("add table ip foreign\nadd chain ip foreign x\n")
    time.sleep(1.3)
    nft("delete table ip foreign\n")
    time.sleep(0.3)
    assert not [line for line in running.lines() if line["event"] == "repaired"]


BAD = [
    b"nonMasqueradeCIDRs: [10.0.0.0/8",
    b"\x7fELF\x02\x01\x01\x00",
    b"x" * 10 * 1024 * 1024,
    "nonMasqueradeCIDRs: [10.0.0.0/8] # ü".encode("latin-1"),
    b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nnonMasqueradeCIDRs: *c\n",
    b"[" * 500_000,
    b"nonMasqueradeCIDRs:\n\t- 10.0.0.0/8\n",
    b"nonMasqueradeCIDRs: {a: b}\n",
    b"nonMasqueradeCIDRs: |\n  - 10.0.0.0/8\n",
    b"nonMasqueradeCIDRs: [10.0.0.1/8]\n",
    b"nonMasqueradeCIDRs: ['fd00::/8']\n",
    b"resyncInterval: 60\n",
    b"",
]


def last_rejection(agent: AgentProcess) -> str:
    """The last line about a rejected file: it says what applies instead."""
    while True:
        said: str = agent.wait_for("rejected")["message"]
        assert len(said) < 700
        if ". The " in said:
            return said


def test_bad_input_is_rejected_and_the_last_good_policy_stays(running: AgentProcess) -> None:
    for data in BAD:
        running.write(data)
        assert "The last good configuration stays" in last_rejection(running)
        assert kept() == {"10.0.0.0/8"}
    assert running.process is not None
    assert running.process.poll() is None
    running.write(CASE)
    wait_for_kept(*CASE_RANGES)


@pytest.mark.parametrize("data", BAD[:-1], ids=range(len(BAD) - 1))
def test_bad_input_at_the_first_start_means_the_defaults(agent: AgentProcess, data: bytes) -> None:
    agent.write(data)
    agent.start()
    assert "The defaults of upstream's agent apply" in last_rejection(agent)
    agent.wait_for("applied")
    assert kept() == set(DEFAULTS)


def test_bad_input_at_a_later_start_means_the_last_good_one(running: AgentProcess) -> None:
    running.stop()
    nft("delete table inet wayhome")
    running.write(BAD[0])
    running.start()
    running.wait_for("applied")
    assert kept() == {"10.0.0.0/8"}


def test_sigterm_leaves_the_rules_and_a_restart_sends_nothing(running: AgentProcess) -> None:
    before = rules()
    assert running.stop() == 0
    running.wait_for("stopped")
    assert rules() == before
    running.start()
    assert running.wait_for("applied")["how"] == "nothing to change"


def test_node_clean_removes_everything_and_nothing_else(running: AgentProcess) -> None:
    nft("add table ip foreign\n")
    running.stop()
    command = [sys.executable, "-m", "wayhome", "node", "clean"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "is removed" in done.stdout
    left = subprocess.run(
        ["nft", "list", "ruleset"], capture_output=True, text=True, check=True
    ).stdout
    assert left.split() == ["table", "ip", "foreign", "{", "}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "there are no rules of wayhome on this node\n"


@pytest.mark.parametrize("variant", ["iptables-nft", "iptables-legacy"])
def test_node_clean_takes_a_chain_only_where_it_is_named(agent: AgentProcess, variant: str) -> None:
    agent.write(CASE)
    agent.start(f"--backend={variant}", "--enable-ipv6")
    agent.wait_for("applied")
    agent.stop()
    stopped = agent.wait_for("stopped")["message"]
    assert "`wayhome node clean --masq-chain=IP-MASQ-AGENT` removes them" in stopped
    command = [sys.executable, "-m", "wayhome", "node", "clean"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"the chain IP-MASQ-AGENT of {variant} stays" in done.stdout
    assert saved(variant)
    named = [*command, "--masq-chain=IP-MASQ-AGENT"]
    done = subprocess.run(named, capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"the chain IP-MASQ-AGENT of {variant} is removed, and every jump to it\n"
    )
    assert saved(variant) == saved(variant.replace("iptables", "ip6tables")) == []
    refused = subprocess.run([*command, "--masq-chain=POSTROUTING"], check=False)
    assert refused.returncode == 2


# In a user namespace of its own the agent has limits of its own, and nobody else's instances are used up.
WITHOUT_INOTIFY = """
import os, sys
from pathlib import Path
from wayhome.lab import namespaces
user, group = os.getuid(), os.getgid()
namespaces.unshare(namespaces.CLONE_NEWUSER)
namespaces._map_to_root(user, group)
namespaces.unshare(namespaces.CLONE_NEWNET | namespaces.CLONE_NEWNS)
namespaces._settle()
Path("/proc/sys/user/max_inotify_instances").write_text("0")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def test_a_refused_watch_is_said_and_the_file_is_polled(
    agent: AgentProcess, tmp_path: Path
) -> None:
    """EMFILE, for real."""
    agent.write("nonMasqueradeCIDRs: [10.0.0.0/8]\n")
    wrapper = tmp_path / "without_inotify.py"
    wrapper.write_text(WITHOUT_INOTIFY)
    agent.start(wrapper=[str(wrapper)])
    said = agent.wait_for("polling")
    assert "is read every 1 s; fs.inotify.max_user_instances" in said["message"]
    assert agent.wait_for("applied")["keep"] == 2
    agent.write(CASE)
    assert agent.wait_for("applied")["keep"] == 3


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


def test_the_scope_is_said_and_native_mode_has_the_scope_of_pods(agent: AgentProcess) -> None:
    agent.start("--pod-cidrs=172.16.2.0/24", module="wayhome agent")
    assert "what this node's Pods send (172.16.2.0/24)" in agent.wait_for("scope")["message"]
    agent.wait_for("applied")
    assert "172.16.2.0/24" in rules()
    agent.kill()
    agent.start(module="wayhome agent")
    assert "--pod-cidrs would limit it" in agent.wait_for("scope")["message"]
    agent.wait_for("applied")
    assert "172.16.2.0/24" not in rules()


def saved(variant: str) -> list[str]:
    done = subprocess.run(
        [f"{variant}-save", "-t", "nat"], capture_output=True, text=True, check=True
    )
    return [line for line in done.stdout.splitlines() if line.startswith("-A")]


@pytest.mark.parametrize("variant", ["iptables-nft", "iptables-legacy"])
def test_a_node_that_upstreams_agent_kept_stays_with_its_chain(
    agent: AgentProcess, variant: str
) -> None:
    left = "*nat\n:IP-MASQ - [0:0]\n-A POSTROUTING -j IP-MASQ\n-A IP-MASQ -j MASQUERADE\nCOMMIT\n"
    subprocess.run([f"{variant}-restore", "--noflush"], input=left, text=True, check=True)
    agent.write(CASE)
    agent.start("--masq-chain=IP-MASQ")
    assert "holds the chain IP-MASQ" in agent.wait_for("backend")["message"]
    agent.wait_for("applied")
    rules = saved(variant)
    assert [r.split(" -d ")[1] for r in rules if " -d " in r] == [
        f'{prefix} -m comment --comment "ip-masq-agent: local traffic is not subject to MASQUERADE" -j RETURN'
        for prefix in ("169.254.0.0/16", *CASE_RANGES)
    ]
    assert len([r for r in rules if r.startswith("-A POSTROUTING") and "-j IP-MASQ" in r]) == 1
    assert kept() is None  # no table of ours beside it
    agent.write("nonMasqueradeCIDRs: [10.0.0.0/8]\n")
    wait_until(
        lambda: any("10.0.0.0/8" in rule for rule in saved(variant)), lambda: str(saved(variant))
    )


def test_azures_files_are_merged_and_one_bad_one_changes_nothing(agent: AgentProcess) -> None:
    folder = agent.config.parent
    (folder / "ip-masq-agent").write_text("nonMasqueradeCIDRs: [10.0.0.0/8]\n")
    (folder / "ip-masq-agent-reconciled").write_text("NonMasqueradeCIDRs: [172.16.0.0/16]\n")
    agent.start("--dialect=azure", f"--config={folder}")
    agent.wait_for("applied")
    wait_for_kept("10.0.0.0/8", "172.16.0.0/16")
    assert "random" not in rules()
    (folder / "ip-masq-agent").write_text("nonMasqueradeCIDRs: [10.0.0.1/8]\n")
    assert "ip-masq-agent, line 1" in agent.wait_for("rejected")["message"]
    wait_for_kept("10.0.0.0/8", "172.16.0.0/16")
    agent.kill()
    agent.start("--dialect=azure", f"--config={folder}")
    agent.wait_for("applied")
    wait_for_kept("10.0.0.0/8", "172.16.0.0/16")
    (folder / "ip-masq-agent").unlink()
    wait_for_kept("172.16.0.0/16")


@pytest.mark.parametrize("variant", ["iptables-nft", "iptables-legacy"])
def test_the_table_that_another_back_end_left_goes_once_the_chain_is_there(
    running: AgentProcess, variant: str
) -> None:
    running.kill()
    running.start(f"--backend={variant}")
    running.wait_for("applied")
    assert kept() is None
    assert any("10.0.0.0/8" in rule for rule in saved(variant))


def test_a_chain_that_decides_before_the_table_is_named(agent: AgentProcess) -> None:
    left = "*nat\n:IP-MASQ-AGENT - [0:0]\n-A POSTROUTING -j IP-MASQ-AGENT\nCOMMIT\n"
    subprocess.run(["iptables-nft-restore", "--noflush"], input=left, text=True, check=True)
    agent.write(CASE)
    agent.start("--pod-cidrs=172.16.2.0/24", module="wayhome agent")
    assert "wayhome node migrate" in agent.wait_for("foreign chain")["message"]
    agent.wait_for("applied")
    assert kept() == set(CASE_RANGES)


def test_the_other_variants_chain_of_the_same_name_is_named(agent: AgentProcess) -> None:
    left = "*nat\n:IP-MASQ-AGENT - [0:0]\n-A POSTROUTING -j IP-MASQ-AGENT\nCOMMIT\n"
    for variant in ("iptables-nft", "iptables-legacy"):
        subprocess.run([f"{variant}-restore", "--noflush"], input=left, text=True, check=True)
    agent.write(CASE)
    agent.start()
    assert agent.wait_for("backend")["message"].startswith("back end iptables-nft")
    said = agent.wait_for("foreign chain")["message"]
    assert "the nat table of iptables-legacy holds the chain IP-MASQ-AGENT too" in said
    assert "wayhome node migrate" in said


def test_beside_a_legacy_table_that_it_may_not_read_it_keeps_its_own(
    agent: AgentProcess, tmp_path: Path
) -> None:
    """As with deploy/daemonset.yaml, on a node whose kube-proxy writes iptables-legacy."""
    subprocess.run(["iptables-legacy", "-t", "nat", "-N", "KUBE-POSTROUTING"], check=True)
    wrapper = tmp_path / "net_admin_only.py"
    wrapper.write_text(WITHOUT_RIGHTS.replace("range(64)", "set(range(64)) - {12}"))
    agent.write(CASE)
    agent.start(wrapper=[str(wrapper)])
    assert agent.wait_for("backend")["message"].startswith("back end nftables")
    assert "CAP_NET_RAW" in agent.wait_for("foreign chain")["message"]
    agent.wait_for("applied")
    assert kept() == set(CASE_RANGES)


def test_that_a_chain_asserts_nothing_is_said(agent: AgentProcess) -> None:
    agent.write(CASE)
    agent.start("--backend=iptables-nft", "--preserve=assert")
    assert "--backend=nftables" in agent.wait_for("preserve")["message"]
    agent.wait_for("applied")


def test_damage_to_the_chain_of_iptables_nft_is_repaired_by_its_event(agent: AgentProcess) -> None:
    agent.write(CASE)
    agent.start("--backend=iptables-nft")
    agent.wait_for("applied")
    before = saved("iptables-nft")
    subprocess.run(["iptables-nft", "-t", "nat", "-F", "IP-MASQ-AGENT"], check=True)
    agent.wait_for("repaired")
    assert saved("iptables-nft") == before


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


def test_nft_is_for_people_and_never_started(
    agent: AgentProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs, started = tmp_path / "programs", tmp_path / "nft-started"
    programs.mkdir()
    (programs / "nft").write_text(f"#!/bin/sh\ntouch {started}\nexit 1\n")
    (programs / "nft").chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        agent.write(CASE)
        agent.start()
    agent.wait_for("applied")
    nft("delete table inet wayhome")
    agent.wait_for("repaired")
    agent.write(CASE + "masqLinkLocal: true\n")
    agent.wait_for("applied")
    assert not started.exists()


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
