"""Programs that crash, hang or print without end cost an error message. They are stand-ins here."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wayhome.kernel import KernelError
from wayhome.kernel.foreign import child, programs
from wayhome.kernel.foreign.rules import Variant
from wayhome.prefixes import Family

StandIn = Callable[[str, str], str]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Installs a shell script under a name, beside what is needed to run it, and returns its path."""
    monkeypatch.setattr(child, "_ADMIN_FOLDERS", "/nowhere")
    monkeypatch.setenv("PATH", str(tmp_path))

    def install(name: str, body: str) -> str:
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{body}\n")
        program.chmod(0o755)
        return str(program)

    return install


def test_output_and_complaints(stand_in: StandIn) -> None:
    ended = child.run([stand_in("x", "cat; echo no >&2; exit 3")], "in\udcff")
    assert (ended.status, ended.printed, ended.said) == (3, "in\udcff", "no")


def test_much_output_arrives_whole(stand_in: StandIn) -> None:
    ended = child.run([stand_in("x", "cat; yes Error | head -c 1000000 >&2")], "line\n" * 200_000)
    assert ended.printed == "line\n" * 200_000
    assert len(ended.said) <= 4096


def test_output_without_end(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "OUTPUT_LIMIT", 1 << 20)
    with pytest.raises(KernelError, match="x printed more than 1 MiB and was killed"):
        child.run([stand_in("x", "exec yes")])


def test_a_crash_is_named(stand_in: StandIn) -> None:
    with pytest.raises(KernelError, match="x was killed by SIGSEGV"):
        child.run([stand_in("x", "kill -SEGV $$")])


@pytest.mark.parametrize("hangs", ["exec sleep 60", "exec >&- 2>&-; exec sleep 60"])
def test_a_hang_ends(stand_in: StandIn, hangs: str) -> None:
    started = time.monotonic()
    with pytest.raises(KernelError, match=r"x did not end within 0\.2 s and was killed"):
        child.run([stand_in("x", hangs)], timeout=0.2)
    assert time.monotonic() - started < 30


def test_what_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=r"x could not be run: .*/x: No such file"):
        child.run([str(tmp_path / "x")])


def test_programs_by_their_full_and_by_their_plain_names(stand_in: StandIn) -> None:
    with pytest.raises(KernelError, match=r"ip6tables-legacy-save is not installed.*the package iptables"):  # fmt: skip
        programs.path(Variant.IPTABLES_LEGACY, Family.IPV6, "-save")
    plain = stand_in("iptables-restore", "echo 'iptables-restore v1.8.10 (nf_tables)'")
    assert programs.path(Variant.IPTABLES_NFT, Family.IPV4, "-restore") == plain
    with pytest.raises(KernelError, match="iptables-legacy-restore is not installed"):
        programs.path(Variant.IPTABLES_LEGACY, Family.IPV4, "-restore")
    full = stand_in("iptables-nft-restore", "")
    assert programs.path(Variant.IPTABLES_NFT, Family.IPV4, "-restore") == full
