"""Running nft: what is said when it does not work. The programs are stand-ins, so this needs no namespace."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wayhome.kernel import KernelError, RefusedError, child, nft

StandIn = Callable[[str], Path]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Puts a shell script in nft's place."""

    def install(body: str) -> Path:
        program = tmp_path / "nft"
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        return tmp_path

    return install


def test_the_script_arrives_whole_and_not_through_a_pipe(stand_in: StandIn) -> None:
    folder = stand_in('test "$*" = "-f -" && test ! -p /dev/stdin && cat > "${0%/*}/seen"')
    script = "add table inet wayhome\n" * 20_000
    nft.run(script)
    assert (folder / "seen").read_text() == script


def test_a_missing_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(child, "_ADMIN_FOLDERS", "/nowhere")
    with pytest.raises(KernelError, match="install the package nftables"):
        nft.run("")


def test_a_program_that_cannot_be_run(stand_in: StandIn) -> None:
    (stand_in("") / "nft").write_text("\0")
    with pytest.raises(KernelError, match=r"nft could not be run: .*/nft: Exec format error"):
        nft.run("")


def test_a_refusal_is_quoted(stand_in: StandIn) -> None:
    stand_in("echo 'Error: interval overlaps' >&2; exit 1")
    with pytest.raises(RefusedError, match=r"^nft refused the rules: Error: interval overlaps$"):
        nft.run("")


def test_long_output_is_cut(stand_in: StandIn) -> None:
    stand_in("yes Error | head -c 10000000 >&2; exit 1")
    with pytest.raises(RefusedError) as refused:
        nft.run("")
    assert 1000 < len(str(refused.value)) < 5000


def test_a_crash_is_named(stand_in: StandIn) -> None:
    stand_in("kill -SEGV $$")
    with pytest.raises(KernelError, match="nft was killed by SIGSEGV"):
        nft.run("")


@pytest.mark.parametrize("hangs", ["exec sleep 60", "exec 2>&-; exec sleep 60"])
def test_a_program_that_hangs_is_killed(stand_in: StandIn, hangs: str) -> None:
    stand_in(hangs)
    started = time.monotonic()
    with pytest.raises(KernelError, match=r"nft did not end within 0\.2 s and was killed"):
        nft.run("", timeout=0.2)
    assert time.monotonic() - started < 10


def test_a_message_too_long_names_the_cause(stand_in: StandIn) -> None:
    stand_in("echo 'netlink: Error: Could not process rule: Message too long' >&2; exit 1")
    with pytest.raises(RefusedError, match="without root of the initial user namespace"):
        nft.run("")


def test_a_lack_of_rights_names_the_cause(stand_in: StandIn) -> None:
    stand_in("echo 'Error: Could not process rule: Operation not permitted' >&2; exit 1")
    with pytest.raises(RefusedError, match="CAP_NET_ADMIN"):
        nft.run("")
