"""nft and iptables as they are on bad days: missing, too old, hanging, failing, locked out, and killed in the middle."""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.agent_process import PORT, AgentProcess, get, kept, wait_until

from wayhome.kernel import NftablesKernel

pytestmark = pytest.mark.kernel

ONE = "nonMasqueradeCIDRs: [10.0.0.0/8]\n"
# Other rules than before, not only other elements.
OTHER = "nonMasqueradeCIDRs: [172.16.0.0/12]\nmasqueradeCIDRs: [172.17.0.0/16]\n"
OTHER_RANGES = ("172.16.0.0/16", "172.18.0.0-172.31.255.255")

STUB = """#!/bin/bash
case "$(cat {folder}/mood)" in
works) exec -a {name} {folder}/real-{name} "$@" ;;
old) [ "$1" = --version ] && exec echo "nftables v0.9.8 (E.D.S.)"
    echo "/dev/stdin:1:1-3: Error: syntax error, unexpected comment" >&2; exit 1 ;;
hangs) echo $$ >>{folder}/started; exec sleep 600 ;;
garbage) head -c 100000 /dev/urandom >&2; head -c 100000 /dev/urandom; exit 1 ;;
crashes) kill -SEGV $$ ;;
slow) echo $$ >>{folder}/started; sleep 0.3; exec -a {name} {folder}/real-{name} "$@" ;;
esac
"""
MOODS = ("missing", "old", "garbage", "crashes", "hangs")


class Programs:
    """Programs of netfilter's that do as the mood says, for one agent.

    They come first on the PATH; nft's is also mounted over the real one in a mount namespace of the agent's, because
    that is found without the PATH too, and is to be missing.
    """

    def __init__(self, folder: Path, *names: str) -> None:
        self._folder = folder
        self._folder.mkdir()
        self._stubs = [folder / name for name in names]
        script = f'PATH={folder}:$PATH; exec "$@"'
        for stub in self._stubs:
            real = shutil.which(stub.name, path="/usr/sbin:/sbin")
            assert real is not None
            (folder / f"real-{stub.name}").symlink_to(real)
            stub.write_text(STUB.format(folder=folder, name=stub.name))
            if stub.name == "nft":
                (folder / "real-nft").unlink()
                shutil.copy(real, folder / "real-nft")
                script = f"mount --bind {stub} {real} && {script}"
        self.launcher = ("unshare", "--mount", "/bin/sh", "-c", script, "sh")
        self.set("works")

    def set(self, mood: str) -> None:
        """At once: what is started from now on is in this mood."""
        for stub in self._stubs:
            stub.chmod(0o644 if mood == "missing" else 0o755)
        new = self._folder / "new"
        new.write_text(mood)
        new.rename(self._folder / "mood")

    def started(self) -> list[int]:
        """The processes that hang or are slow."""
        file = self._folder / "started"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def end(self) -> None:
        for pid in self.started():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


@pytest.fixture
def nft(tmp_path: Path) -> Iterator[Programs]:
    programs = Programs(tmp_path / "programs", "nft")
    yield programs
    programs.end()


def problems(agent: AgentProcess) -> list[str]:
    return [line["message"] for line in agent.lines() if line["event"] == "kernel"]


@pytest.mark.parametrize("backend", ["auto", "nftables"])
@pytest.mark.parametrize("mood", MOODS)
def test_nft_in_whatever_state_has_no_part_in_the_agents_life(
    agent: AgentProcess, nft: Programs, backend: str, mood: str
) -> None:
    """It starts, changes other rules than before, and repairs; and the table of before is adopted."""
    nft.set(mood)
    agent.write(ONE)
    agent.start(f"--backend={backend}", launcher=nft.launcher)
    agent.wait_for("applied", how="table replaced")
    agent.write(OTHER)
    agent.wait_for("applied", how="chain rewritten")
    assert kept() == set(OTHER_RANGES)
    with NftablesKernel() as kernel:
        kernel.remove()
    agent.wait_for("repaired")
    assert kept() == set(OTHER_RANGES)
    agent.kill()
    agent.start(f"--backend={backend}", launcher=nft.launcher)
    agent.wait_for("applied", how="nothing to change")
    assert not problems(agent)
    assert not nft.started()


def saved(variant: str) -> list[str]:
    done = subprocess.run(
        [f"{variant}-save", "-t", "nat"], capture_output=True, text=True, check=True
    )
    return [line for line in done.stdout.splitlines() if line.startswith("-A IP-MASQ-AGENT")]


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    path = tmp_path / "xtables.lock"
    monkeypatch.setenv("XTABLES_LOCKFILE", str(path))
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def test_the_xtables_lock_is_waited_for(agent: AgentProcess, lock: int) -> None:
    agent.write(ONE)
    fcntl.flock(lock, fcntl.LOCK_EX)
    agent.start("--backend=iptables-legacy")
    agent.wait_for("backend")
    time.sleep(1)
    assert not saved("iptables-legacy")
    fcntl.flock(lock, fcntl.LOCK_UN)
    agent.wait_for("applied")
    assert any("10.0.0.0/8" in rule for rule in saved("iptables-legacy"))
    assert not problems(agent)


def test_a_lock_that_is_never_given_up_is_named_and_the_agent_goes_on(
    agent: AgentProcess, lock: int
) -> None:
    agent.write(ONE)
    agent.start("--backend=iptables-legacy", f"--metrics-bind-address=127.0.0.1:{PORT}")
    agent.wait_for("applied")
    fcntl.flock(lock, fcntl.LOCK_EX)
    agent.write(OTHER)
    wait_until(lambda: problems(agent), lambda: "a line about the lock", timeout=20)
    assert get("/healthz")[0] == 200
    status, said = get("/readyz")
    assert status == 503
    assert "did not get the xtables lock" in said
    assert os.environ["XTABLES_LOCKFILE"] in problems(agent)[0]
    assert f"(process {os.getpid()}) has held it for more than 10 s" in problems(agent)[0]
    assert any("10.0.0.0/8" in rule for rule in saved("iptables-legacy"))
    fcntl.flock(lock, fcntl.LOCK_UN)
    wait_until(
        lambda: any("172.18.0.0" in rule for rule in saved("iptables-legacy")),
        lambda: "the new list",
    )
    agent.wait_for("recovered")


@pytest.mark.parametrize(
    ("backend", "program"),
    [("iptables-nft", "iptables-nft-restore"), ("iptables-legacy", "iptables-legacy-restore")],
)
def test_killed_while_a_child_runs_the_next_agent_brings_the_kernel_to_the_configuration(
    agent: AgentProcess, lock: int, tmp_path: Path, backend: str, program: str
) -> None:
    """The child goes on without its parent: an orphan that writes what was wanted before."""
    programs = Programs(tmp_path / "programs", program)
    agent.write(ONE)
    agent.start(f"--backend={backend}", launcher=programs.launcher)
    agent.wait_for("applied")
    programs.set("slow")
    agent.write(OTHER)
    wait_until(programs.started, lambda: f"{program} to be started")
    agent.kill()
    agent.write(ONE)
    programs.set("works")
    agent.start(f"--backend={backend}", launcher=programs.launcher)
    agent.wait_for("applied")
    time.sleep(0.5)  # the orphan has ended; its damage is noticed, by its event or in the next poll
    wait_until(
        lambda: (
            [r.split(" -d ")[1].split()[0] for r in saved(backend) if " -d " in r]
            == ["169.254.0.0/16", "10.0.0.0/8"]
        ),
        lambda: f"the list, and not {saved(backend)}",
        timeout=15,
    )
