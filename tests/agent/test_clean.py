"""`wayhome-agent clean`: what an uninstall leaves nothing of, in the agent's own image."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.agent.agent_process import AgentProcess, kept, saved, wait_until

pytestmark = pytest.mark.kernel


def clean(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wayhome.agent", "clean", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_rules_and_what_was_remembered_go(running: AgentProcess) -> None:
    running.stop()
    (running.state / "of-somebody-else").write_text("wayhome was here\n")
    done = clean(f"--state={running.state}")
    assert done.returncode == 0, done.stderr
    assert "the table inet wayhome is removed" in done.stdout
    assert kept() is None
    assert [file.name for file in running.state.iterdir()] == ["of-somebody-else"]
    assert clean(f"--state={running.state}").stdout == "there is nothing of wayhome on this node\n"


def test_what_is_remembered_stays_where_it_is_not_named(running: AgentProcess) -> None:
    running.stop()
    assert clean().returncode == 0
    assert list(running.state.iterdir())
    assert clean("--state=/nowhere").returncode == 0


@pytest.mark.parametrize("variant", ["iptables-nft", "iptables-legacy"])
def test_a_chain_goes_where_it_is_named(agent: AgentProcess, variant: str) -> None:
    agent.start(f"--backend={variant}")
    agent.wait_for("applied")
    agent.stop()
    assert f"the chain IP-MASQ-AGENT of {variant} stays" in clean().stdout
    assert saved(variant)
    assert "is removed" in clean("--masq-chain=IP-MASQ-AGENT").stdout
    assert not saved(variant)


def test_an_agent_that_still_runs_is_waited_for(running: AgentProcess) -> None:
    """It would make the rules anew. SIGKILL, because a node is not always left in order."""
    command = [sys.executable, "-m", "wayhome.agent", "clean"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as cleaning:
        assert cleaning.stdout
        assert "waiting for its end" in cleaning.stdout.readline()
        assert kept() is not None
        running.kill()
        assert "is removed" in cleaning.stdout.readline()
        assert cleaning.wait(10) == 0
    wait_until(lambda: kept() is None, lambda: "no table")


def test_what_cannot_be_done_is_said_without_a_traceback(
    running: AgentProcess, tmp_path: Path
) -> None:
    running.stop()
    refused = clean("--masq-chain=POSTROUTING")
    assert (refused.returncode, "Traceback" in refused.stderr) == (2, False)
    (tmp_path / "file").write_text("")
    refused = clean(f"--state={tmp_path}/file")
    assert (refused.returncode, "Not a directory" in refused.stderr) == (4, True)


def test_a_node_that_cannot_be_taken_is_a_sentence() -> None:
    """No descriptor is left for the lock."""
    limited = (
        "import resource, shutil, sys\n"  # shutil: argparse imports it late
        "from wayhome.agent import clean\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
        "sys.exit(clean.main([]))\n"
    )
    command = [sys.executable, "-c", limited]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert done.stderr == ("wayhome-agent clean: this node cannot be taken: Too many open files\n")
