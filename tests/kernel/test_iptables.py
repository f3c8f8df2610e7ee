"""The iptables back end in a real network: damage, neighbours, the lock, and what is said where something is lacking."""

import fcntl
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.conftest import real_root
from tests.kernel.iptables_nodes import VARIANTS, program, restore, rules, saved
from tests.kernel.policies import make_policy

from wayhome.kernel import (
    ChainCause,
    ChangeKind,
    DriftListener,
    InexpressibleError,
    KernelError,
    Masquerade,
    RefusedError,
    gather,
    xtables,
)
from wayhome.kernel.iptables import chain_of
from wayhome.kernel.iptables_backend import IptablesBackend
from wayhome.prefixes import Family

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("netns", "xtables_lock")]

ROOT = Path(__file__).parents[2]
CHAIN = "IP-MASQ-AGENT"
POLICY = make_policy("169.254.0.0/16", "10.0.0.0/8", "10.1.2.3/32", "192.168.0.0/16")
CHAIN_OF_POLICY = chain_of(POLICY, Masquerade(), Family.IPV4)
JUMP = CHAIN_OF_POLICY.jump
QUOTED_JUMP = JUMP.replace('--comment "', r'--comment "\"').replace('chain"', r'chain\""')
"""As v2.10.0 to v2.12.1 and Azure's fork spelled it."""
BOOTSTRAP_JUMP = JUMP.replace("ip-masq-agent: ensure", "ip-masq: ensure")
FOREIGN = """
:KUBE-POSTROUTING - [0:0]
:KUBE-MARK - [0:0]
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A POSTROUTING -s 10.9.0.0/16 -m comment --comment "not IP-MASQ-AGENT" -j MASQUERADE
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -m comment --comment -j -j MASQUERADE
-A OUTPUT -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.0.1:6443
"""


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def backend(variant: str) -> Iterator[IptablesBackend]:
    made = IptablesBackend(variant, Masquerade())
    yield made
    made.close()


def foreign(variant: str) -> list[str]:
    """The rules that are not ours."""
    ours = (f"-A {CHAIN} ", f"-j {CHAIN}", f"-g {CHAIN}")
    return [rule for rule in rules(saved(variant)) if not any(word in rule for word in ours)]


CHAIN_DAMAGE = [
    ("a rule deleted", f"-D {CHAIN} -d 10.0.0.0/8 {CHAIN_OF_POLICY.rules[1].replace(' -d 10.0.0.0/8', '')}", ChainCause.RULES),
    ("a rule inserted", f"-I {CHAIN} -s 10.4.0.0/24 -j ACCEPT", ChainCause.RULES),
    ("a rule appended", f"-A {CHAIN} -j MASQUERADE", ChainCause.RULES),
    ("a rule moved", f"-D {CHAIN} {CHAIN_OF_POLICY.rules[2]}\n-I {CHAIN} {CHAIN_OF_POLICY.rules[2]}", ChainCause.RULES),
    ("a rule that also matches something else", f"-R {CHAIN} 2 -p tcp {CHAIN_OF_POLICY.rules[1]}", ChainCause.RULES),
    ("the chain flushed", f"-F {CHAIN}", ChainCause.RULES),
    ("the jump deleted", f"-D POSTROUTING {JUMP}", ChainCause.NO_JUMP),
    ("a second jump", f"-A POSTROUTING {JUMP}", ChainCause.OTHER_JUMPS),
    ("a third jump", f"-A POSTROUTING {JUMP}\n-I POSTROUTING {JUMP}", ChainCause.OTHER_JUMPS),
    ("the other spelling beside it", f"-I POSTROUTING {QUOTED_JUMP}", ChainCause.OTHER_JUMPS),
    ("the other spelling in its place", f"-D POSTROUTING {JUMP}\n-A POSTROUTING {QUOTED_JUMP}", ChainCause.OTHER_JUMPS),
    ("the bootstrap's jump", f"-I POSTROUTING {BOOTSTRAP_JUMP}", ChainCause.OTHER_JUMPS),
    ("a bare jump", f"-I POSTROUTING -g {CHAIN}", ChainCause.OTHER_JUMPS),
    ("the chain deleted", f"-D POSTROUTING {JUMP}\n-F {CHAIN}\n-X {CHAIN}", ChainCause.NO_CHAIN),
    ("everything at once", f"-F {CHAIN}\n-I POSTROUTING {QUOTED_JUMP}\n-D POSTROUTING {JUMP}\n-I POSTROUTING {BOOTSTRAP_JUMP}", ChainCause.RULES),
]  # fmt: skip


@pytest.mark.parametrize(
    ("script", "cause"), [case[1:] for case in CHAIN_DAMAGE], ids=[case[0] for case in CHAIN_DAMAGE]
)
def test_damage_is_repaired_in_one_restore_and_neighbours_stay(
    backend: IptablesBackend, script: str, cause: ChainCause, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore(backend.name, FOREIGN)
    backend.apply(POLICY)
    whole, neighbours = rules(saved(backend.name)), foreign(backend.name)
    assert len(neighbours) == 5

    restore(backend.name, script)
    assert rules(saved(backend.name)) != whole
    restores = count_restores(monkeypatch)
    change = backend.apply(POLICY)
    assert (change.kind, change.cause) == (ChangeKind.REWRITTEN, cause)
    assert len(restores) == 1
    assert sorted(rules(saved(backend.name))) == sorted(whole)
    assert foreign(backend.name) == neighbours
    assert backend.apply(POLICY).kind is ChangeKind.NOTHING
    assert len(restores) == 1


def count_restores(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of all restores from now on."""
    texts: list[str] = []
    real = xtables.restore

    def counting(variant: str, family: Family, text: str) -> None:
        texts.append(text)
        real(variant, family, text)

    monkeypatch.setattr(xtables, "restore", counting)
    return texts


def test_everything_flushed_is_repaired(backend: IptablesBackend) -> None:
    backend.apply(POLICY)
    whole = rules(saved(backend.name))
    command = [program(backend.name), "-w", "-t", "nat"]
    subprocess.run([*command, "-F"], check=True)
    subprocess.run([*command, "-X"], check=True)
    assert backend.apply(POLICY).cause is ChainCause.NO_CHAIN
    assert rules(saved(backend.name)) == whole
    if backend.name == "iptables-nft":
        subprocess.run(["nft", "flush ruleset"], check=True)
        assert backend.apply(POLICY).cause is ChainCause.NO_CHAIN
        assert rules(saved(backend.name)) == whole


def test_a_repair_of_the_jump_leaves_the_chain_and_its_counters(
    backend: IptablesBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.apply(POLICY)
    restore(backend.name, f"-D POSTROUTING {JUMP}")
    restores = count_restores(monkeypatch)
    backend.apply(POLICY)
    assert restores == [f"*nat\n-A POSTROUTING {JUMP}\nCOMMIT\n"]


ONLY_NFT = pytest.mark.parametrize(
    "rule", ["meta cpu 1 masquerade", "ip daddr 1.2.3.4 meta cpu 1 counter"]
)
"""iptables-nft refuses to list the one, and lists a chain without the other."""


@ONLY_NFT
def test_a_rule_that_only_nft_understands_is_removed_from_our_chain(rule: str) -> None:
    backend = IptablesBackend("iptables-nft", Masquerade())
    backend.apply(POLICY)
    whole = rules(saved(backend.name))
    subprocess.run(["nft", f"add rule ip nat IP-MASQ-AGENT {rule}"], check=True)
    assert backend.apply(POLICY).cause is ChainCause.RULES
    assert rules(saved(backend.name)) == whole
    subprocess.run(["nft", f"add rule ip nat IP-MASQ-AGENT {rule}"], check=True)
    assert backend.remove()
    assert rules(saved(backend.name)) == []
    backend.close()


@ONLY_NFT
def test_a_rule_in_postrouting_that_only_nft_understands_is_named(rule: str) -> None:
    backend = IptablesBackend("iptables-nft", Masquerade())
    backend.apply(POLICY)
    subprocess.run(["nft", f"add rule ip nat POSTROUTING {rule}"], check=True)
    with pytest.raises(
        KernelError, match="somebody has put a rule there that only nft understands"
    ):
        backend.apply(POLICY)
    assert gather().with_chain == ("iptables-nft",)
    assert gather("ANOTHER").with_chain == ()
    backend.close()


def test_while_nothing_happens_iptables_nft_starts_no_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = IptablesBackend("iptables-nft", Masquerade())
    with DriftListener() as drift:
        backend.apply(POLICY)
        assert drift.drain()
        with monkeypatch.context() as patch:
            patch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a child process"))
            assert backend.apply(POLICY).kind is ChangeKind.NOTHING
        assert not drift.drain()
        backend.forget()
        assert backend.apply(POLICY).kind is ChangeKind.NOTHING  # reading is no change either
        assert not drift.drain()
        restore("iptables-nft", f"-F {CHAIN}")
        assert drift.drain()
    backend.close()


def test_iptables_legacy_is_not_created_by_looking() -> None:
    backend = IptablesBackend("iptables-legacy", Masquerade())
    assert not backend.remove()
    assert gather().with_chain == ()
    assert Path("/proc/thread-self/net/ip_tables_names").read_text() == ""


def test_ipv6_is_written_beside_ipv4_and_removed_with_it(backend: IptablesBackend) -> None:
    policy = make_policy("10.0.0.0/8", "fd00::/8", "::2/127", "::1/128", ipv6=True)
    change = backend.apply(policy)
    assert change.added == 2 + 4
    assert [rule.split()[3] for rule in rules(saved(backend.name, Family.IPV6))[1:4]] == [
        "fd00::/8",
        "::2/127",
        "::1/128",
    ]
    assert backend.apply(policy).kind is ChangeKind.NOTHING
    restore(backend.name, f"-F {CHAIN}", Family.IPV6)
    assert backend.apply(policy).added == 4
    assert backend.apply(policy).kind is ChangeKind.NOTHING
    assert backend.remove()
    assert rules(saved(backend.name)) == rules(saved(backend.name, Family.IPV6)) == []


def test_remove_takes_all_spellings_of_the_jump_and_nothing_else(
    backend: IptablesBackend,
) -> None:
    restore(backend.name, FOREIGN)
    neighbours = saved(backend.name).split("*nat")[1].split("# Completed")[0]
    backend.apply(POLICY)
    for jump in (JUMP, QUOTED_JUMP, BOOTSTRAP_JUMP):
        restore(backend.name, f"-I POSTROUTING {jump}")
    assert backend.remove()
    assert saved(backend.name).split("*nat")[1].split("# Completed")[0] == neighbours
    assert not backend.remove()


def test_a_chain_that_others_jump_to_is_not_removed_by_halves(backend: IptablesBackend) -> None:
    backend.apply(POLICY)
    restore(backend.name, f":FOREIGN - [0:0]\n-A FOREIGN -j {CHAIN}")
    whole = rules(saved(backend.name))
    with pytest.raises(RefusedError, match=CHAIN):
        backend.remove()
    assert rules(saved(backend.name)) == whole


def test_another_chains_name(variant: str) -> None:
    ours, theirs = (IptablesBackend(variant, Masquerade(), name) for name in (CHAIN, "IP-MASQ"))
    theirs.apply(POLICY)
    before = rules(saved(variant))
    ours.apply(POLICY)
    assert theirs.apply(POLICY).kind is ChangeKind.NOTHING
    assert ours.remove()
    assert rules(saved(variant)) == before
    ours.close()
    theirs.close()


def test_a_jump_that_goes_while_it_is_being_removed(
    backend: IptablesBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else cleans up at the same time: the restore is refused, and made anew from what is there then."""
    backend.apply(POLICY)
    restore(backend.name, f"-I POSTROUTING {QUOTED_JUMP}")
    real = xtables.restore

    def after_somebody_else(variant: str, family: Family, text: str) -> None:
        monkeypatch.setattr(xtables, "restore", real)
        restore(variant, f"-D POSTROUTING {QUOTED_JUMP}\n-D POSTROUTING {JUMP}")
        real(variant, family, text)

    monkeypatch.setattr(xtables, "restore", after_somebody_else)
    assert backend.apply(POLICY).kind is ChangeKind.REWRITTEN
    assert len([rule for rule in rules(saved(backend.name)) if f"-j {CHAIN}" in rule]) == 1


def test_a_table_that_somebody_without_our_lock_wrote_in_the_same_moment_is_written_again(
    backend: IptablesBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = xtables.restore

    def refused_once(variant: str, family: Family, text: str) -> None:
        monkeypatch.setattr(xtables, "restore", real)
        raise RefusedError("line 5 failed")

    monkeypatch.setattr(xtables, "restore", refused_once)
    assert backend.apply(POLICY).cause is ChainCause.NO_CHAIN
    assert backend.apply(POLICY).kind is ChangeKind.NOTHING


def test_writers_with_different_locks_are_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel takes a legacy table only if it has as many rules as when it was fetched."""
    restore("iptables-legacy", FOREIGN)
    with subprocess.Popen(
        ["iptables-legacy-restore", "--noflush", "-w", "10"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdin is not None
        assert first.stderr is not None
        script = "*nat\n-A OUTPUT -j RETURN\n"
        first.stdin.write(script)
        first.stdin.flush()
        wait_until_locked()
        time.sleep(0.2)  # it locks first and fetches the table then
        monkeypatch.setenv("XTABLES_LOCKFILE", str(tmp_path / "another.lock"))
        with closing(IptablesBackend("iptables-legacy", Masquerade())) as backend:
            backend.apply(POLICY)
        first.stdin.write("COMMIT\n")
        first.stdin.close()
        said = first.stderr.read()
    explained = xtables._explained(
        "iptables-legacy-restore", xtables._substance(said), script + "COMMIT\n"
    )
    assert "changed it in the same moment without the xtables lock" in str(explained)
    assert "the node's /run/xtables.lock" in str(explained)


def wait_until_locked() -> None:
    """Until somebody holds the test's xtables lock."""
    with Path(os.environ["XTABLES_LOCKFILE"]).open("w") as lock:
        for _ in range(200):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            fcntl.flock(lock, fcntl.LOCK_UN)
            time.sleep(0.02)
    pytest.fail("nobody took the lock")


WRITER = """
import subprocess, sys, time
variant, end = sys.argv[1], time.monotonic() + 2
number = 0
print(flush=True)
while time.monotonic() < end:
    number += 1
    text = f"*nat\\n:KUBE - [0:0]\\n" + "".join(f"-A KUBE -d 10.{i}.{number % 256}.0/24 -j RETURN\\n" for i in range(50))
    command = [f"{variant}-restore", "--noflush", "-w", "10"]
    subprocess.run(command, input=text + "COMMIT\\n", text=True, check=True)
print(number)
"""


def test_beside_a_writer_in_a_tight_loop_nothing_of_either_is_lost(
    backend: IptablesBackend,
) -> None:
    """As kube-proxy's restores; with iptables-legacy, only the common lock makes it so."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, backend.name], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        changes = 0
        while writer.poll() is None:
            for policy in (ONE, OTHER):
                assert backend.apply(policy).kind is ChangeKind.REWRITTEN
                changes += 1
        restores = int(writer.stdout.read())
    assert min(changes, restores) > 5
    backend.forget()
    assert backend.apply(OTHER).kind is ChangeKind.NOTHING
    theirs = [rule.split()[3] for rule in rules(saved(backend.name)) if "-A KUBE " in rule]
    assert theirs == [f"10.{i}.{restores % 256}.0/24" for i in range(50)]


def test_a_jump_whose_comment_is_no_text_is_removed(backend: IptablesBackend) -> None:
    backend.apply(POLICY)
    command = [program(backend.name), "-w", "-t", "nat", "-I", "POSTROUTING", "-j", CHAIN]
    subprocess.run([*command, "-m", "comment", "--comment", b"a \xff \\ ' b"], check=True)
    assert backend.apply(POLICY).cause is ChainCause.OTHER_JUMPS
    assert backend.remove()


def test_somebody_who_undoes_each_restore_is_an_error(
    backend: IptablesBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = xtables.restore

    def undone(variant: str, family: Family, text: str) -> None:
        real(variant, family, text)
        restore(variant, f"-F {CHAIN}")

    monkeypatch.setattr(xtables, "restore", undone)
    with pytest.raises(KernelError, match="does not hold what was just restored"):
        backend.apply(POLICY)


def test_the_lock_is_waited_for_and_not_for_ever(
    xtables_lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = IptablesBackend("iptables-legacy", Masquerade())
    holder = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); time.sleep(1.5)"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(xtables_lock)], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert backend.apply(POLICY).kind is ChangeKind.REWRITTEN
        assert backend.apply(POLICY).kind is ChangeKind.NOTHING  # reading takes no lock
    held = rules(saved("iptables-legacy"))

    monkeypatch.setattr(xtables, "LOCK_WAIT", 1)
    with xtables_lock.open("w") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)
        assert backend.apply(POLICY).kind is ChangeKind.NOTHING
        with pytest.raises(
            KernelError, match=r"\(process \d+\) has held it for more than 1 s"
        ) as error:
            backend.apply(make_policy("10.0.0.0/8"))
        assert str(xtables_lock) in str(error.value)
        assert rules(saved("iptables-legacy")) == held
    assert backend.apply(make_policy("10.0.0.0/8")).kind is ChangeKind.REWRITTEN


def test_a_lock_that_cannot_be_opened_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XTABLES_LOCKFILE", "/proc/nowhere/lock")
    backend = IptablesBackend("iptables-legacy", Masquerade())
    with pytest.raises(KernelError) as error:
        backend.apply(POLICY)
    assert "cannot open the xtables lock /proc/nowhere/lock (No such file or directory)" in str(
        error.value
    )
    assert "mount the node's /run/xtables.lock" in str(error.value)
    assert "XTABLES_LOCKFILE" in str(error.value)


def test_a_refused_restore_quotes_the_line_and_changes_nothing(
    variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = IptablesBackend(variant, Masquerade())
    backend.apply(POLICY)
    before = rules(saved(variant))
    bad = chain_of(make_policy("1.0.0.0/8"), Masquerade(), Family.IPV4)
    object.__setattr__(bad, "rules", (*bad.rules, "-j NOWHERE"))
    monkeypatch.setattr("wayhome.kernel.iptables_backend.chain_of", lambda *_: bad)
    with pytest.raises(
        RefusedError,
        match=r"-restore refused: .*NOWHERE.* at line: \d( \(-A IP-MASQ-AGENT -j NOWHERE\))?$",
    ):
        backend.apply(make_policy("1.0.0.0/8"))
    assert rules(saved(variant)) == before
    backend.close()


def test_the_scope_of_pods_is_refused_before_anything_is_written(backend: IptablesBackend) -> None:
    with pytest.raises(InexpressibleError, match="use the nftables back end"):
        backend.apply(make_policy("10.0.0.0/8", pods=["10.4.0.0/24"]))
    assert rules(saved(backend.name)) == []


CHILD = """
import sys
from tests.kernel.test_iptables import ONE, OTHER
from wayhome.kernel import Masquerade
from wayhome.kernel.iptables_backend import IptablesBackend
backend = IptablesBackend(sys.argv[1], Masquerade())
print(flush=True)
while True:
    for policy in (ONE, OTHER):
        backend.apply(policy)
"""
ONE = make_policy(*(f"10.{i}.0.0/17" for i in range(200)))
OTHER = make_policy(*(f"10.{i}.128.0/17" for i in range(150)))


def test_killed_at_any_moment_the_table_holds_the_old_chain_or_the_new(variant: str) -> None:
    dice = random.Random(variant)
    backend = IptablesBackend(variant, Masquerade())
    backend.apply(OTHER)
    other = rules(saved(variant))
    backend.apply(ONE)
    one = rules(saved(variant))
    backend.close()
    for _ in range(12):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, variant], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        with child:
            assert child.stdout is not None
            child.stdout.readline()  # it has begun
            time.sleep(dice.random() * 0.06)
            child.kill()
        for _ in range(3):  # the restore may outlive its parent: look while it ends, too
            assert rules(saved(variant)) in (one, other)
            time.sleep(0.01)


def test_more_rules_than_fit_into_one_message_of_an_ordinary_user() -> None:
    if real_root():
        pytest.skip("real root may send messages of any size")
    backend = IptablesBackend("iptables-nft", Masquerade())
    backend.apply(POLICY)
    before = rules(saved("iptables-nft"))
    with pytest.raises(RefusedError, match="without root of the initial user namespace"):
        backend.apply(make_policy(*(f"10.{i >> 8}.{i & 255}.0/24" for i in range(3000))))
    assert rules(saved("iptables-nft")) == before
    backend.close()


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("exec sleep 60", r"^iptables-nft did not end within 0\.3 s and was killed$"),
        ("kill -SEGV $$", r"^iptables-nft was killed by SIGSEGV$"),
        (
            "echo 'iptables v1.8.9 (nf_tables): Could not fetch: Permission denied (you must be root)' >&2; exit 4",
            r"needs CAP_NET_ADMIN and CAP_NET_RAW .*: Could not fetch",
        ),
        (
            "echo '# Warning: iptables-legacy tables present'; echo 'iptables: Out of memory.' >&2; exit 1",
            r"^iptables-nft refused: Out of memory\.$",
        ),
    ],
)
def test_a_program_that_does_not_work_is_named(
    behaviour: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = tmp_path / "iptables-nft"
    stand_in.write_text(f"#!/bin/sh\n{behaviour}\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(xtables, "TIMEOUT", 0.3)
    backend = IptablesBackend("iptables-nft", Masquerade())
    with pytest.raises(KernelError, match=message):
        backend.apply(POLICY)
    backend.close()


def test_a_missing_program_is_named_with_its_package(
    variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = IptablesBackend(variant, Masquerade())
    monkeypatch.setattr("wayhome.kernel.presence.find", lambda _: None)
    with pytest.raises(
        KernelError, match=rf"{variant}[\w-]* is not installed: install the package iptables"
    ):
        backend.apply(POLICY)
    backend.close()
