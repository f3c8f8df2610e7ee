"""From one version to another and back, with the agent of an earlier commit: its table and its memory are taken over.

A Pod opens connections all the while, to what the list keeps and to what it does not. None may be treated otherwise,
whichever version holds the node, and while neither does.
"""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.agent.agent_process import AgentProcess, nft, wait_for_kept, wait_until
from tests.kernel.opened import Opened
from tests.kernel.wire import Wire

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
LIST = "nonMasqueradeCIDRs:\n- 10.0.0.0/8\n"
LONGER = LIST + "- 172.16.0.0/12\n"
# The commit, and what the present version does to the table that its agent has left.
EARLIER = {
    "without the API": ("2253ce9fd080486e494623971b68b0b3ea3d0a7e", "nothing to change"),
    "without counts of packets": ("53ec8dbec4d41563eed821c41ce792a7817a9b77", "nothing to change"),
    "with nft as its writer": ("9fb854300c39d1116c59583f983466b2fb8e3cde", "chain rewritten"),
}


class Flows:
    """Both kinds of connections, heard by a thread of their own."""

    def __init__(self, wire: Wire) -> None:
        self._opened = {"kept": Opened(wire, 10), "masqueraded": Opened(wire, 198)}
        self._sources: dict[str, set[str]] = {name: set() for name in self._opened}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._hear)

    def start(self) -> None:
        """What was sent before counts for nothing."""
        for opened in self._opened.values():
            opened.sources(at_least=1000)
        self._thread.start()

    def _hear(self) -> None:
        while not self._over.is_set():
            for name, opened in self._opened.items():
                self._sources[name] |= opened.sources(at_least=1)

    def has_heard(self, source: str, name: str) -> bool:
        """Whether a connection of that kind came from there since `start`."""
        return source in self._sources[name]

    def heard(self) -> dict[str, set[str]]:
        """All sources since `start`."""
        self._over.set()
        self._thread.join()
        return self._sources

    def close(self) -> None:
        self._over.set()
        for opened in self._opened.values():
            opened.close()


@pytest.fixture
def flows(wire: Wire) -> Iterator[Flows]:
    made = Flows(wire)
    yield made
    made.close()


@pytest.fixture
def agent(wire: Wire, tmp_path: Path) -> Iterator[AgentProcess]:
    process = AgentProcess(tmp_path)
    yield process
    process.kill()


@pytest.fixture
def earlier(tmp_path: Path) -> Callable[[str], list[str]]:
    """A launcher for the agent of an earlier commit."""

    def launcher(commit: str) -> list[str]:
        command = ["git", "archive", commit, "src"]
        packed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
        if packed.returncode:
            pytest.skip("this is no clone with the history of the project")
        folder = tmp_path / "earlier"
        folder.mkdir()
        subprocess.run(["tar", "-x", "-C", folder], input=packed.stdout, check=True)
        return ["env", f"PYTHONPATH={folder / 'src'}"]

    return launcher


def remembers(agent: AgentProcess, text: str) -> bool:
    return (agent.state / "last-good-configuration").read_text().endswith(text)


@pytest.mark.parametrize("version", EARLIER)
def test_there_and_back_again(
    wire: Wire,
    flows: Flows,
    agent: AgentProcess,
    earlier: Callable[[str], list[str]],
    version: str,
) -> None:
    commit, how = EARLIER[version]
    before = earlier(commit)
    agent.write(LIST)
    agent.start("--backend=nftables", launcher=before)
    agent.wait_for("applied", how="table replaced")
    flows.start()
    assert agent.stop() == 0

    agent.start("--backend=nftables")
    agent.wait_for("applied", how=how)
    agent.write(LONGER)
    agent.wait_for("applied", how="elements changed")
    wait_until(lambda: remembers(agent, LONGER), lambda: "the longer list on disk")
    agent.kill()

    agent.config.unlink()
    agent.config.mkdir()  # so that what the newer one has remembered holds
    agent.start("--backend=nftables", launcher=before)
    agent.wait_for("unreadable")
    agent.wait_for("applied", how=how)
    wait_for_kept("10.0.0.0/8", "172.16.0.0/12")
    agent.config.rmdir()
    agent.write(LIST)
    wait_for_kept("10.0.0.0/8")
    assert agent.stop() == 0
    assert flows.heard() == {"kept": {wire.POD4}, "masqueraded": {wire.NODE4}}


def test_a_gap_would_be_heard(wire: Wire, flows: Flows, agent: AgentProcess) -> None:
    """The agent is halted meanwhile: its repair takes a millisecond or two, in which nobody may have sent anything."""
    agent.write(LIST)
    agent.start("--backend=nftables")
    agent.wait_for("applied")
    flows.start()
    assert agent.process is not None
    agent.process.send_signal(signal.SIGSTOP)
    nft("delete table inet wayhome\n")
    wait_until(lambda: flows.has_heard(wire.POD4, "masqueraded"), lambda: "a Pod's own address")
    agent.process.send_signal(signal.SIGCONT)
    agent.wait_for("repaired")
    assert flows.heard() == {"kept": {wire.POD4}, "masqueraded": {wire.NODE4, wire.POD4}}
