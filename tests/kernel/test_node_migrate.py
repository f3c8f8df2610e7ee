"""`wayhome node migrate` on real tables, and with a connection opened every millisecond across it."""

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from tests.kernel.foreign import (
    BOOTSTRAP,
    PLAIN,
    QUOTED,
    UPSTREAM,
    agent_chain,
    apply,
    kube_proxy_iptables,
    needs_rulesets,
    restore,
    saved,
    wayhome_node,
)
from tests.kernel.nodes import nft
from tests.kernel.policies import make_policy
from tests.kernel.wire import Wire

from wayhome.agent.lock import NodeLock
from wayhome.kernel import RefusedError
from wayhome.kernel.foreign.read import read
from wayhome.kernel.foreign.takeover import removals, remove
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.netfilter.agent_chains import agent_chains
from wayhome.policy import Settings, parse
from wayhome.policy.configuration import defaults

pytestmark = pytest.mark.kernel

QUICK = ("--resync", "0.05")
OTHERS = r"""*nat
:KEPT - [0:0]
-A POSTROUTING -j KEPT
-A POSTROUTING -m comment --comment "\"it\'s\" \\ $5" -d 192.0.2.1/32 -j MASQUERADE
-A PREROUTING -m addrtype --dst-type LOCAL -j KEPT
COMMIT
"""
both_variants = pytest.mark.parametrize("program", ["iptables-nft", "iptables-legacy"])


@pytest.fixture(autouse=True)
def xtables_lock(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    lock = tmp_path_factory.mktemp("lock") / "xtables.lock"
    monkeypatch.setenv("XTABLES_LOCKFILE", str(lock))
    return lock


def test_without_our_table_nothing_is_removed(netns: NetworkNamespace) -> None:
    restore(agent_chain("10.0.0.0/8"))
    before = saved()
    for script in ("", "add table inet wayhome", "add chain inet wayhome postrouting { type nat hook postrouting priority 110; }"):  # fmt: skip
        nft(script)
        result = wayhome_node("migrate")
        assert result.exit_code == 4
        assert "Start our agent on this node first" in " ".join(result.output.split())
        assert saved() == before


def test_a_dormant_table_of_ours_decides_nothing(netns: NetworkNamespace) -> None:
    restore(agent_chain("10.0.0.0/8"))
    apply()
    nft("add table inet wayhome { flags dormant; }")
    assert wayhome_node("migrate").exit_code == 4
    assert "IP-MASQ-AGENT" in saved()


def test_nothing_to_take_over(netns: NetworkNamespace) -> None:
    apply()
    result = wayhome_node("migrate")
    assert (result.exit_code, result.output) == (
        0,
        "there is no chain of an ip-masq-agent on this node: nothing to take over\n",
    )


@both_variants
def test_every_spelling_and_every_duplicate_goes_and_nothing_else(netns: NetworkNamespace, program: str) -> None:  # fmt: skip
    restore(OTHERS, program)
    untouched = saved(program)
    spellings = [PLAIN, QUOTED, PLAIN, BOOTSTRAP, "a jump by hand", QUOTED]
    restore(agent_chain("10.0.0.0/8", jumps=spellings), program)
    restore(agent_chain("10.0.0.0/8", name="IP-MASQ", jumps=[BOOTSTRAP, PLAIN]), program)
    restore(agent_chain("10.0.0.0/8", name="BY-ANY-NAME", jumps=[QUOTED]), program)
    assert saved(program) != untouched
    apply()
    result = wayhome_node("migrate", *QUICK)
    assert result.exit_code == 0, result.output
    assert "and 9 jumps" in result.output
    assert saved(program) == untouched


@needs_rulesets
@both_variants
def test_beside_kube_proxy(netns: NetworkNamespace, program: str) -> None:
    restore(kube_proxy_iptables(), program)
    untouched = saved(program)
    restore((UPSTREAM / "gke-managed/iptables-save.txt").read_text(), program)
    apply(make_policy("169.254.0.0/16", "10.0.0.0/8"))
    assert wayhome_node("migrate", *QUICK).exit_code == 0
    assert saved(program) == untouched


@needs_rulesets
@pytest.mark.parametrize(
    "case", sorted(UPSTREAM.iterdir()) if UPSTREAM.is_dir() else [], ids=lambda case: case.name
)
def test_upstreams_chain_says_what_our_table_says_for_the_same_configuration(netns: NetworkNamespace, case: Path) -> None:  # fmt: skip
    """What upstream's binary left in the kernel for a configuration, and our table for the same one."""
    if (case / "error").exists():
        return
    arguments = (case / "args").read_text()
    settings = Settings(ipv6="--enable-ipv6" in arguments, all_reserved_ranges="--nomasq-all-reserved-ranges" in arguments, pod_cidrs=None)  # fmt: skip
    text = (case / "config").read_bytes() if (case / "config").exists() else b""
    configuration = parse(text, settings).configuration if text.strip() else defaults(settings)
    assert configuration is not None
    apply(configuration.policy)
    restore((case / "iptables-save.txt").read_text())
    if (case / "ip6tables-save.txt").exists():
        restore((case / "ip6tables-save.txt").read_text(), "ip6tables-nft")
    result = wayhome_node("migrate", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "difference" not in result.output


def test_both_families_and_both_variants(netns: NetworkNamespace) -> None:
    programs = ["iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy"]
    for program in programs:
        restore(agent_chain("fd00::/8" if program.startswith("ip6") else "10.0.0.0/8"), program)
    apply(make_policy("10.0.0.0/8", "fd00::/8", ipv6=True))
    result = wayhome_node("migrate", *QUICK)
    assert result.exit_code == 0, result.output
    assert result.output.count("removed: IP-MASQ-AGENT") == 4
    assert not any("MASQ" in saved(program) for program in programs)


def test_a_dry_run_prints_what_is_restored_and_changes_nothing(netns: NetworkNamespace) -> None:
    restore(agent_chain("10.0.0.0/8", jumps=[QUOTED, PLAIN]))
    apply()
    before = saved()
    result = wayhome_node("migrate", "--dry-run")
    assert result.exit_code == 0
    assert saved() == before
    command, _, text = result.stdout.partition("\n")
    assert command.startswith("# ")
    assert " --noflush -w 10" in command
    assert text.startswith("*nat\n-D POSTROUTING ")
    assert text.count("\n-D ") == 2
    restore(text)  # what was printed is what removes it
    assert "IP-MASQ-AGENT" not in saved()


def test_a_chain_to_which_nothing_jumps_goes_too(netns: NetworkNamespace) -> None:
    restore(OTHERS)
    restore(agent_chain("192.168.0.0/16", jumps=[]))
    apply()
    result = wayhome_node("migrate", *QUICK)
    # Nobody met its list, so that it differs from ours in nothing.
    assert result.exit_code == 0, result.output
    assert "and 0 jumps" in result.output
    assert "IP-MASQ-AGENT" not in saved()


@both_variants
def test_what_changed_since_it_was_read_is_left_whole(netns: NetworkNamespace, program: str) -> None:  # fmt: skip
    restore(agent_chain("10.0.0.0/8", jumps=[PLAIN, QUOTED]), program)
    (stale,) = removals(agent_chains(read()))
    subprocess.run([program, "-w", "-t", "nat", "-D", "POSTROUTING", "2"], check=True, timeout=30)
    before = saved(program)
    with pytest.raises(RefusedError):
        remove(stale)
    assert saved(program) == before
    (fresh,) = removals(agent_chains(read()))
    remove(fresh)
    assert "IP-MASQ-AGENT" not in saved(program)


def differences(*arguments: str) -> list[str]:
    before = saved()
    result = wayhome_node("migrate", *arguments)
    assert result.exit_code == 1
    assert "--accept-differences" in result.output
    assert saved() == before
    return [line for line in result.output.splitlines() if line.startswith("difference: ")]


def test_differences_are_listed_and_refused(netns: NetworkNamespace) -> None:
    restore(agent_chain("10.0.0.0/8", "192.168.0.0/16"))
    apply(make_policy("10.0.0.0/8", "172.16.0.0/12", masquerade=["10.2.0.0/16"]))
    expected = [
        "difference: 172.16.0.0/12: masqueraded by their chain, would keep the Pod's address",
        "difference: 10.2.0.0/16, 192.168.0.0/16: kept by their chain, masqueraded by our table",
    ]
    assert differences() == expected
    assert differences("--dry-run") == expected
    assert wayhome_node("migrate", "--accept-differences", *QUICK).exit_code == 0
    assert "IP-MASQ-AGENT" not in saved()


def test_a_family_that_our_table_leaves_alone_differs(netns: NetworkNamespace) -> None:
    restore(agent_chain("fd00::/8"), "ip6tables-nft")
    apply()
    (line,) = differences()
    assert "masqueraded by their chain, would keep" in line


def test_a_narrower_scope_differs(netns: NetworkNamespace) -> None:
    restore(agent_chain("10.0.0.0/8"))
    apply(make_policy("10.0.0.0/8", pods=["10.4.0.0/24"]))
    assert differences() == ["difference: IPv4: their chain masquerades whatever leaves the node, our table only what comes from its Pods"]  # fmt: skip


def test_a_rule_of_somebody_in_their_chain_differs(netns: NetworkNamespace) -> None:
    restore(agent_chain("10.0.0.0/8", rest=["-o eth7 -d 1.2.3.4/32 -j RETURN"]))
    apply()
    assert (
        wayhome_node("migrate", "--dry-run").exit_code == 0
    )  # whatever it is, ours masquerades it
    apply(make_policy("10.0.0.0/8", "1.2.3.4/32"))
    assert any("1.2.3.4/32" in line for line in differences())


def test_ports_of_upstream_are_no_uncertainty(netns: NetworkNamespace) -> None:
    restore(agent_chain("10.0.0.0/8", rest=["-p tcp -m statistic --mode random --probability 0.5 -j MASQUERADE --to-ports 1024-2047"]))  # fmt: skip
    apply()
    assert wayhome_node("migrate", *QUICK).exit_code == 0


def test_a_table_that_iptables_cannot_read_is_left_alone(netns: NetworkNamespace) -> None:
    restore(agent_chain("10.0.0.0/8"))
    apply()
    nft("add rule ip nat POSTROUTING ip daddr 1.2.3.4 ct status dnat masquerade fully-random")
    result = wayhome_node("migrate")
    assert result.exit_code == 4
    assert "`nft -a list table ip nat` shows them" in result.output


def test_the_lock_is_waited_for_and_a_held_one_is_named(
    netns: NetworkNamespace, xtables_lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wayhome.kernel.foreign.takeover.LOCK_WAIT", 1)
    restore(agent_chain("10.0.0.0/8"), "iptables-legacy")
    apply()
    before = saved("iptables-legacy")
    holder = subprocess.Popen(["flock", str(xtables_lock), "sleep", "30"])
    try:
        while subprocess.run(["flock", "-n", str(xtables_lock), "true"], check=False).returncode == 0:  # fmt: skip
            time.sleep(0.01)
        result = wayhome_node("migrate", *QUICK)
    finally:
        holder.kill()
        holder.wait()
    assert result.exit_code == 4
    assert "the xtables lock was held by somebody else for 1 s" in result.output
    assert saved("iptables-legacy") == before


@contextmanager
def agent_that_writes_again(program: str, tmp_path: Path, text: str) -> Iterator[int]:
    """A process with the name of upstream's agent, which restores its chain whenever it is gone."""
    (tmp_path / "chain").write_text(text)
    executable = tmp_path / "ip-masq-agent"
    shutil.copy("/bin/bash", executable)
    script = f"while sleep 0.05; do {program} -t nat -S IP-MASQ-AGENT >/dev/null 2>&1 || {program}-restore -w 5 --noflush < {tmp_path}/chain; done"  # fmt: skip
    with subprocess.Popen([str(executable), "-c", script]) as agent:
        try:
            yield agent.pid
        finally:
            agent.kill()


@both_variants
@pytest.mark.parametrize(
    "spelling, who",
    [
        (PLAIN, "2.12.2 on, or GKE's"),
        (QUOTED, "2.10.0 to 2.12.1, or Azure's"),
        (BOOTSTRAP, "start-up script of a GKE node"),
    ],
)
def test_a_chain_that_comes_back_is_reported_with_its_writer(
    netns: NetworkNamespace, tmp_path: Path, program: str, spelling: str, who: str
) -> None:
    chain = agent_chain("10.0.0.0/8", jumps=[spelling])
    restore(chain, program)
    apply()
    with agent_that_writes_again(program, tmp_path, chain) as pid:
        result = wayhome_node("migrate", "--resync", "30")
    assert result.exit_code == 1
    assert "removed: IP-MASQ-AGENT" in result.output
    assert "is back, and decides before our table" in result.output
    assert who in result.output
    assert f"ip-masq-agent (pid {pid})" in result.output


class Connections:
    """New connections from the Pod, one about every millisecond, in turn to a kept and to a masqueraded destination."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._open)
        self.seen: list[tuple[str, str, str]] = []
        """The destination, the source that it saw, and the source that was right."""
        self.failure: Exception | None = None

    def _open(self) -> None:
        try:
            for number in count():
                if self._stop.is_set():
                    return
                keep = number % 2 == 0
                last = f"{number >> 8 & 255}.{number & 255}"
                destination = f"10.9.{last}" if keep else f"198.18.{last}"
                seen = self._wire.send(destination, new=True)
                assert seen.destination == destination
                self.seen.append((destination, seen.source, self._wire.POD4 if keep else self._wire.NODE4))  # fmt: skip
                time.sleep(0.0005)
        except Exception as error:  # noqa: BLE001 (told to the test's own thread)
            self.failure = error

    def wait_for(self, more: int) -> None:
        wanted = len(self.seen) + more
        while len(self.seen) < wanted:
            assert self.failure is None, self.failure
            time.sleep(0.001)

    def wrong(self) -> list[tuple[str, str, str]]:
        return [one for one in self.seen if one[1] != one[2]]

    def across(self, change: Callable[[], None]) -> int:
        """Open connections before, during and after a change. Returns how many were opened during it."""
        self._thread.start()
        try:
            self.wait_for(200)
            before = len(self.seen)
            change()
            during = len(self.seen) - before
            self.wait_for(200)
        finally:
            self._stop.set()
            self._thread.join()
        assert self.failure is None, self.failure
        return during


@both_variants
def test_a_connection_every_millisecond_across_a_migration(wire: Wire, program: str) -> None:
    restore(agent_chain("10.0.0.0/8", jumps=[QUOTED, PLAIN, BOOTSTRAP]), program)
    apply()
    connections = Connections(wire)

    def migrate() -> None:
        assert wayhome_node("migrate", "--resync", "0.2").exit_code == 0

    assert connections.across(migrate) > 50
    assert connections.wrong() == []
    assert "IP-MASQ-AGENT" not in saved(program)


def test_many_migrations_there_and_back(wire: Wire) -> None:
    """The moment of the removal itself, again and again."""
    connections = Connections(wire)
    apply()

    def migrate() -> None:
        for _ in range(20):
            for program in ("iptables-nft", "iptables-legacy"):
                restore(agent_chain("10.0.0.0/8"), program)
            assert wayhome_node("migrate", "--resync", "0.01").exit_code == 0

    connections.across(migrate)
    assert connections.wrong() == []


def test_a_wrong_order_would_be_seen(wire: Wire) -> None:
    """The connections notice a gap: theirs goes, and ours comes later."""
    restore(agent_chain("10.0.0.0/8"))
    connections = Connections(wire)

    def the_wrong_way() -> None:
        restore("*nat\n-F POSTROUTING\n-F IP-MASQ-AGENT\n-X IP-MASQ-AGENT\nCOMMIT\n")
        connections.wait_for(20)
        apply()

    connections.across(the_wrong_way)
    assert {(seen, right) for _, seen, right in connections.wrong()} == {(wire.POD4, wire.NODE4)}


def test_our_agents_socket_is_looked_for(netns: NetworkNamespace) -> None:
    restore(agent_chain("10.0.0.0/8"))
    apply()
    assert "no agent of ours runs" in wayhome_node("migrate", *QUICK).output
    restore(agent_chain("10.0.0.0/8"))
    lock = NodeLock()
    assert lock.try_acquire()
    try:
        assert "no agent of ours runs" not in wayhome_node("migrate", *QUICK).output
    finally:
        lock.release()
