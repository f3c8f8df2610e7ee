"""Another writer in a tight loop, on its own table and on ours: we stay polite, and what we want gets through."""

import time
from collections.abc import Iterator

import pytest
from bench.watch import NFT_MSG_DELSETELEM, NFT_MSG_NEWSETELEM, TableWatch, element
from tests.agent.agent_process import AgentProcess, kept, nft, wait_for_kept, wait_until

from wayhome.kernel.nfnetlink import Channel, Message

pytestmark = pytest.mark.kernel

SECONDS = 3.0
SECONDS_OF_WAR = 1.7
CREATE = 0x400  # NLM_F_CREATE


class Writer:
    """Commits transactions of one element to a table of its own, and counts them."""

    def __init__(self) -> None:
        nft("add table inet foreign\nadd set inet foreign addresses { type ipv4_addr; }\n")
        payload = element("foreign", "addresses", "192.0.2.1")
        self._messages = (
            Message(NFT_MSG_NEWSETELEM, payload, "add", CREATE),
            Message(NFT_MSG_DELSETELEM, payload, "remove"),
        )
        self._channel = Channel()
        self._began = self._channel.generation()
        self.commits = 0

    def write(self) -> None:
        for message in self._messages:
            self._channel.commit([message])
            self.commits += 1

    def others(self) -> int:
        """How many transactions there were by anybody else."""
        return self._channel.generation() - self._began - self.commits

    def close(self) -> None:
        self._channel.close()


@pytest.fixture
def writer(agent: AgentProcess) -> Iterator[Writer]:
    agent.write("nonMasqueradeCIDRs: [10.0.0.0/8]\n")
    agent.start("--backend=nftables")
    agent.wait_for("applied")
    time.sleep(1)  # what the start has cost is out of the window of a second
    made = Writer()
    yield made
    made.close()


def test_at_most_five_transactions_a_second_however_often_the_file_changes(
    agent: AgentProcess, writer: Writer
) -> None:
    number, began = 0, time.monotonic()
    while time.monotonic() - began < SECONDS:
        number += 1
        agent.write(f"nonMasqueradeCIDRs: [172.{16 + number % 16}.0.0/16]\n")
        for _ in range(20):
            writer.write()
    ours = writer.others()
    assert writer.commits > 500, "this is no tight loop"
    assert number > 50
    # A window of a second holds five, wherever it begins.
    assert SECONDS <= ours <= 5 * (SECONDS + 1)
    wait_for_kept(f"172.{16 + number % 16}.0.0/16")


def test_a_table_that_is_removed_in_a_tight_loop_is_no_war(
    agent: AgentProcess, writer: Writer
) -> None:
    removed, began = 0, time.monotonic()
    with TableWatch() as watch:
        while time.monotonic() - began < SECONDS_OF_WAR:
            writer.write()
            if watch.keeps("10.0.0.1"):
                watch.remove_table()
                removed += 1
    # At once, and after 1 s; each in two transactions, the second one refused if it comes too late.
    assert 1 <= removed <= 3
    assert removed <= writer.others() <= 3 * removed + 2
    # The last removal may be repaired later than an earlier one was.
    wait_until(lambda: kept() == {"10.0.0.0/8"}, agent.log.read_text, timeout=30)
    wait_until(lambda: events(agent, "repaired"), agent.log.read_text)
    assert len(events(agent, "kernel")) <= removed


def events(agent: AgentProcess, name: str) -> list[str]:
    return [line["message"] for line in agent.lines() if line["event"] == name]
