"""A look at the rules of others, as the process of its own that it is: what it finds, and every way in which it fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.kernel.foreign import (  # fmt: skip
    PLAIN,
    agent_chain,
    apply,
    kube_proxy_iptables,
    needs_rulesets,
    restore,
)
from tests.kernel.nodes import nft
from tests.kernel.policies import make_policy
from tests.kernel.wire import Wire

from wayhome.agent import looking
from wayhome.kernel import KernelError, Masquerade, NftablesKernel, Preserve
from wayhome.kernel.foreign import look as child_module
from wayhome.kernel.foreign.observation import observe
from wayhome.kernel.foreign.ours import Ours, ours_of
from wayhome.kernel.foreign.read import read
from wayhome.kernel.foreign.report import Decider, Question
from wayhome.kernel.nfnetlink import Channel
from wayhome.kernel.skeleton import SRCNAT
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.policy import Action, Packet
from wayhome.prefixes import Family, parse_address

pytestmark = pytest.mark.kernel

POLICY = make_policy("10.0.0.0/8", "169.254.0.0/16")
OF_TABLE = Question.of(POLICY, Decider.TABLE)
OF_AGENTS = Question.of(POLICY, Decider.ANY_AGENT)
LEGACY = Path("/proc/thread-self/net/ip_tables_names")


@pytest.fixture(autouse=True)
def xtables_lock(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XTABLES_LOCKFILE", str(tmp_path_factory.mktemp("lock") / "xtables.lock"))


@pytest.fixture
def fake_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What runs in the place of the child: a shell script."""
    script = tmp_path / "python"
    monkeypatch.setattr(sys, "executable", str(script))
    return script


def test_what_it_finds_is_what_is_there(netns: NetworkNamespace) -> None:
    apply(POLICY)
    assert looking.look(OF_TABLE).certain == 0
    restore(agent_chain("10.0.0.0/9", "169.254.0.0/16"))
    found = looking.look(OF_TABLE)
    assert found.certain == 1
    assert "10.128.0.0/9, which shall see the Pod's own address" in found.conflicts[0].sentence
    seen = looking.look(OF_AGENTS)
    assert seen.deciders == ("IP-MASQ-AGENT (iptables-nft, IPv4)", "inet wayhome")
    assert seen.disagreements == ("10.128.0.0/9: masqueraded on this node, though the configuration keeps the Pod's address",)  # fmt: skip


@needs_rulesets
@pytest.mark.parametrize("question", [OF_TABLE, OF_AGENTS])
def test_looking_changes_nothing(netns: NetworkNamespace, question: Question) -> None:
    restore(kube_proxy_iptables())
    restore(agent_chain("10.0.0.0/8", "169.254.0.0/16", jumps=[PLAIN]))
    nft("add table ip x\nadd chain ip x c { type nat hook postrouting priority 200; }")
    channel = Channel()
    generation = channel.generation()
    before = LEGACY.read_text() if LEGACY.exists() else None
    looking.look(question)
    assert channel.generation() == generation
    assert (LEGACY.read_text() if LEGACY.exists() else None) == before
    channel.close()


def test_a_child_that_crashes(netns: NetworkNamespace, fake_python: Path) -> None:
    fake_python.write_text("#!/bin/sh\necho 'RuntimeError: it fell over' >&2\nexit 1\n")
    fake_python.chmod(0o755)
    with pytest.raises(KernelError, match="exit code 1: RuntimeError: it fell over"):
        looking.look(OF_TABLE)


def test_a_child_that_is_killed(netns: NetworkNamespace, fake_python: Path) -> None:
    fake_python.write_text("#!/bin/sh\nkill -KILL $$\n")
    fake_python.chmod(0o755)
    with pytest.raises(KernelError, match="was killed by SIGKILL"):
        looking.look(OF_TABLE)


def test_a_child_that_hangs(
    netns: NetworkNamespace, fake_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_python.write_text("#!/bin/sh\nexec sleep 60\n")
    fake_python.chmod(0o755)
    monkeypatch.setattr(looking, "TIMEOUT", 0.1)
    with pytest.raises(KernelError, match=r"did not end within 0.1 s"):
        looking.look(OF_TABLE)


@pytest.mark.parametrize("answer", ["", "{}", "{", '{"schema": 9}', "[1]"])
def test_a_child_that_says_something_else(
    netns: NetworkNamespace, fake_python: Path, answer: str
) -> None:
    fake_python.write_text(f"#!/bin/sh\nprintf '%s' '{answer}'\n")
    fake_python.chmod(0o755)
    with pytest.raises(KernelError, match="could not be read: exit code 0"):
        looking.look(OF_TABLE)


def test_a_program_that_is_missing_is_named(
    netns: NetworkNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "nft"
    broken.write_text("#!/bin/sh\necho 'netlink: Error: cache initialization failed' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(KernelError, match=r"nft could not list .*cache initialization failed"):
        looking.look(OF_TABLE)


MANY = 4000


def test_a_memory_limit_ends_the_look_and_nothing_else(
    netns: NetworkNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child takes no more than half of what a container's limit leaves, and says so."""
    for start in range(
        0, MANY, 250
    ):  # without root, iptables-nft sends no more than some 350 at once
        numbers = range(start, start + 250)
        rules = (f"-A POSTROUTING -d 10.{n >> 8}.{n & 255}.0/24 -j MASQUERADE" for n in numbers)
        restore("\n".join(["*nat", *rules, "COMMIT"]) + "\n")
    (tmp_path / "memory.max").write_text(f"{64 << 20}\n")
    (tmp_path / "memory.stat").write_text(f"anon {22 << 20}\nfile 0\n")
    program = (
        "import pathlib, sys\n"
        "from wayhome.kernel.foreign import look\n"
        f"look._CGROUP = pathlib.Path({str(tmp_path)!r})\n"
        "sys.exit(look.main())\n"
    )

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program]
        return subprocess.run(command, input=OF_TABLE.text(), capture_output=True, text=True, check=False, timeout=60)  # fmt: skip

    enough = run()
    assert enough.returncode == 0, enough.stderr
    (tmp_path / "memory.stat").write_text(f"anon {48 << 20}\nfile 0\n")
    little = run()
    assert little.returncode == 4
    assert "leaves 8 MiB for it, and that is not enough" in little.stdout
    assert Path("/sys/fs/cgroup") == child_module._CGROUP  # here nothing was limited


SAMPLES = ["10.1.2.3", "10.2.0.1", "10.3.255.255", "10.200.0.1", "172.16.1.1", "192.0.2.1", "169.254.1.1"]  # fmt: skip


@pytest.mark.parametrize("program", ["iptables-nft", "iptables-legacy"])
@pytest.mark.parametrize("ours", [None, Preserve.REPORT, Preserve.ASSERT])
@pytest.mark.parametrize("before", ["", "-A POSTROUTING -d 10.200.0.0/16 -j ACCEPT\n"])
def test_what_is_said_is_what_packets_do(
    wire: Wire, program: str, ours: Preserve | None, before: str
) -> None:
    """An agent with another list, and perhaps our table beside it: every difference is one that packets show."""
    restore(f"*nat\n{before}COMMIT\n", program)
    restore(agent_chain("10.2.0.0/15", "172.16.0.0/12", "169.254.0.0/16"), program)
    if ours:
        apply(make_policy("10.0.0.0/8"), Masquerade(preserve=ours))
    wanted = make_policy("10.0.0.0/9", "172.16.0.0/12", "10.200.0.0/16", masquerade=["10.3.0.0/16"])
    question = Question.of(wanted, Decider.ANY_AGENT)
    with NftablesKernel() as kernel:
        table = ours_of(kernel.read())
    (found,) = observe(read(), table, Ours(SRCNAT, question.keep, None))
    assert (found.family, found.missing, found.uncertain) == (Family.IPV4, False, ())
    for destination in SAMPLES:
        family, address = parse_address(destination)
        kept = wanted.decide(Packet(family, address)).action is Action.KEEP
        seen = wire.send(destination, new=True).source
        assert seen in (wire.POD4, wire.NODE4)
        assert (address in found.masqueraded, address in found.kept) == (
            kept and seen == wire.NODE4,
            not kept and seen == wire.POD4,
        ), destination
