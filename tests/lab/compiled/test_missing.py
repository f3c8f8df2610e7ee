"""A kernel that lacks something: each feature is there when it is tried here, and is named where it is refused.

No module can be taken away here, so a kernel without one is played: at its answer to nft, or to rtnetlink. What is then
tried, found and said is real.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.lab.conftest import WayhomeCommand

from wayhome.lab import programs
from wayhome.lab.compiled import BuiltNetwork, features, missing
from wayhome.lab.compiled.features import FEATURES, IPV6, LOG, Feature
from wayhome.lab.compiled.missing import MissingFeatureError, OldNftError, explained
from wayhome.lab.compiled.rtnetlink import RTM_NEWADDR, RTM_NEWLINK, RTM_NEWRULE, Message, Rtnetlink
from wayhome.lab.programs import ProgramError
from wayhome.lab.testing import lan
from wayhome.network import Masquerade, Network, TranslationChain, TranslationRule

pytestmark = pytest.mark.kernel

EXPORTS = str(Path(__file__).parents[3] / "examples/the-case/exports")
SMALL = lan(a="10.0.0.1", b="10.0.0.2")
BOTH = lan(a=("10.0.0.1", "fd00::1"), b="10.0.0.2")


def translating() -> Network:
    nodes = [
        replace(
            node,
            translation_out=(TranslationChain("nat", (TranslationRule(action=Masquerade()),)),),
        )
        if node.name == "a"
        else node
        for node in SMALL.nodes
    ]
    return Network.of(nodes, SMALL.links)


@pytest.mark.parametrize("feature", [*FEATURES, LOG], ids=lambda feature: feature.option)
def test_each_feature_is_found_where_it_is(feature: Feature) -> None:
    """So what is tried is right: a probe that is wrong would fail here."""
    assert missing._has(feature)


def refusing_nft(monkeypatch: pytest.MonkeyPatch, word: str, said: str) -> None:
    real = programs.run

    def run(argv: tuple[str, ...], text: str, *others: dict[str, str]) -> None:
        if argv[0] == "nft" and word in text:
            raise ProgramError(f"nft ended with 1:\n/dev/stdin:3:1-9: Error: {said}")
        real(argv, text, *others)

    monkeypatch.setattr(programs, "run", run)


NOT_THERE = "Could not process rule: No such file or directory"


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("fib daddr", "nft_fib_inet"),
        ("type filter hook", "nf_tables"),
        ("snat ip", "nft_chain_nat"),
    ],
)
def test_what_nft_is_refused_is_named_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, word: str, named: str
) -> None:
    refusing_nft(monkeypatch, word, NOT_THERE)
    with pytest.raises(MissingFeatureError) as caught:
        BuiltNetwork(translating())
    first, *_, last = str(caught.value).splitlines()
    assert first == f"this machine's kernel ({os.uname().release}) lacks what this lab needs:"
    assert last == f"modprobe --all {named}"
    assert f"Error: {NOT_THERE}" in str(caught.value)


Obey = Callable[[Rtnetlink, Iterable[Message]], None]


def refusing_rtnetlink(monkeypatch: pytest.MonkeyPatch, kind: int, number: int) -> None:
    real: Obey = Rtnetlink.obey

    def obey(channel: Rtnetlink, wanted: Iterable[Message]) -> None:
        messages = list(wanted)
        if any(message[0] == kind for message in messages):
            raise OSError(number, os.strerror(number))
        real(channel, messages)

    monkeypatch.setattr(Rtnetlink, "obey", obey)


@pytest.mark.parametrize(
    ("kind", "number", "named"),
    [
        (RTM_NEWLINK, errno.EOPNOTSUPP, "pairs of interfaces (CONFIG_VETH, module veth)"),
        (RTM_NEWRULE, errno.EOPNOTSUPP, "routing rules (CONFIG_IP_MULTIPLE_TABLES)"),
    ],
)
def test_what_rtnetlink_is_refused_is_named(
    monkeypatch: pytest.MonkeyPatch, kind: int, number: int, named: str
) -> None:
    refusing_rtnetlink(monkeypatch, kind, number)
    with pytest.raises(MissingFeatureError) as caught:
        BuiltNetwork(SMALL)
    assert str(caught.value).splitlines()[1] == f"  {named}"


def test_a_kernel_without_ipv6_lacks_it_only_for_those_who_need_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def without_ipv6() -> None:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    without = replace(IPV6, probe=without_ipv6)
    known = tuple(without if feature is IPV6 else feature for feature in FEATURES)
    monkeypatch.setattr(missing, "FEATURES", known)
    monkeypatch.setattr(missing, "IPV6", without)
    refused = OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
    assert explained(refused, SMALL) is refused
    said = str(explained(refused, BOTH))
    assert "  IPv6 (CONFIG_IPV6, module ipv6)\n" in said
    assert "ipv6.disable=1" in said
    assert "CONFIG_IPV6_MULTIPLE_TABLES" not in said


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOMEM, errno.EPERM, errno.ENOSPC])
def test_what_is_used_up_or_forbidden_is_no_lack(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refusing_rtnetlink(monkeypatch, RTM_NEWLINK, number)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        BuiltNetwork(SMALL)
    assert caught.value.errno == number


def test_an_error_of_a_kernel_that_lacks_nothing_stays_what_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusing_rtnetlink(monkeypatch, RTM_NEWADDR, errno.EINVAL)
    with pytest.raises(OSError, match="Invalid argument"):
        BuiltNetwork(SMALL)


def test_an_nft_that_does_not_understand_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing_nft(monkeypatch, "typeof", "syntax error, unexpected string")
    told = ProgramError("nft ended with 1:\nError: syntax error, unexpected string")
    assert isinstance(explained(told, SMALL), OldNftError)


def test_without_logs_a_lab_is_built_and_asked_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from wayhome.lab.compiled import LabNetwork  # noqa: PLC0415

    refusing_nft(monkeypatch, "log group", NOT_THERE)
    with BuiltNetwork(SMALL) as built:
        assert not built.sees_drops
    with pytest.raises(MissingFeatureError, match="module nfnetlink_log"):
        LabNetwork(SMALL)


NFT = """#!/bin/sh
# The kernel's answer where it has no nft_fib_inet.
text=$(cat)
case $text in *"fib daddr"*) echo "/dev/stdin:9:1-9: Error: {said}" >&2; exit 1 ;; esac
printf '%s\\n' "$text" | exec {nft} -f -
"""


def nft_without_fib(folder: Path) -> Path:
    """A folder for the PATH, in which `nft` is as on a kernel without that module."""
    folder.mkdir(mode=0o755)
    nft = folder / "nft"
    nft.write_text(NFT.format(said=NOT_THERE, nft=shutil.which("nft", path="/usr/sbin:/sbin")))
    nft.chmod(0o755)
    return folder


@pytest.mark.parametrize("arguments", [("run", "--from"), ("check", "--from"), ("up", "--from")])
def test_a_command_ends_with_4_and_says_what_to_load(
    wayhome_command: WayhomeCommand, arguments: tuple[str, ...]
) -> None:
    folder = nft_without_fib(Path(wayhome_command.environment["XDG_RUNTIME_DIR"]) / "bin")
    environment = {**wayhome_command.environment, "PATH": f"{folder}:/usr/bin:/bin"}
    done = replace(wayhome_command, environment=environment)("lab", *arguments, EXPORTS)
    assert done.returncode == 4
    assert done.stdout.partition("\n")[0] == ("predicted, no kernel" if "run" in arguments else "")
    lines = done.stderr.splitlines()
    assert lines[0].startswith("wayhome: ")
    assert f"this machine's kernel ({os.uname().release}) lacks what this lab needs:" in lines[0]
    assert lines[1] == "  whose an address is, in rules (CONFIG_NFT_FIB_INET, module nft_fib_inet)"
    assert lines[-1] == "modprobe --all nft_fib_inet"
    assert "Traceback" not in done.stderr


def test_features_know_what_they_stand_on() -> None:
    before: set[str] = {""}
    for feature in FEATURES:
        assert feature.behind in before, feature
        before.add(feature.name)
    assert features.LOG.behind in before
