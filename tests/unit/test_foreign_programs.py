"""The programs that are asked for the rules of others: found, read to their ends, bounded. They are stand-ins here."""

from collections.abc import Callable
from pathlib import Path

import pytest

from wayhome.kernel import KernelError, child, presence
from wayhome.kernel.foreign import programs
from wayhome.netfilter.rules import Variant
from wayhome.prefixes import Family

StandIn = Callable[[str, str], str]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Installs a shell script under a name, beside what is needed to run it, and returns its path."""
    monkeypatch.setattr(presence, "_ADMIN_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))

    def install(name: str, body: str) -> str:
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{body}\n")
        program.chmod(0o755)
        return str(program)

    return install


def test_all_output_arrives(stand_in: StandIn) -> None:
    body = "cat; yes Error | head -c 1000000 >&2; exit 3"
    script = "line\n" * 200_000 + "in\udcff"
    ended = child.run([stand_in("x", body)], timeout=30, script=script, lines_with="")
    assert (ended.status, "\n".join(ended.lines)) == (3, script)
    assert len(ended.said) <= 4096


@pytest.mark.parametrize("body", ["exec yes", "exec cat /dev/zero"])
def test_output_without_end(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    monkeypatch.setattr(child, "OUTPUT_LIMIT", 1 << 20)
    with pytest.raises(KernelError, match="x printed more than 1 MiB and was killed"):
        child.run([stand_in("x", body)], timeout=30, lines_with="")


def test_programs_by_their_full_and_by_their_plain_names(stand_in: StandIn) -> None:
    with pytest.raises(KernelError, match=r"ip6tables-legacy-save is not installed.*the package iptables"):  # fmt: skip
        programs.path(Variant.IPTABLES_LEGACY, Family.IPV6, "-save")
    plain = stand_in("iptables-restore", "echo 'iptables-restore v1.8.10 (nf_tables)'")
    assert programs.path(Variant.IPTABLES_NFT, Family.IPV4, "-restore") == plain
    with pytest.raises(KernelError, match="iptables-legacy-restore is not installed"):
        programs.path(Variant.IPTABLES_LEGACY, Family.IPV4, "-restore")
    full = stand_in("iptables-nft-restore", "")
    assert programs.path(Variant.IPTABLES_NFT, Family.IPV4, "-restore") == full
