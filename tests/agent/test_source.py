"""The real agent and its configuration: every way in which a file appears, changes, is wrong and goes."""

import time
from pathlib import Path

import pytest
from tests.agent.agent_process import (
    CASE,
    CASE_RANGES,
    DEFAULTS,
    AgentProcess,
    kept,
    nft,
    rules,
    wait_for_kept,
    wait_until,
)

pytestmark = pytest.mark.kernel


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
