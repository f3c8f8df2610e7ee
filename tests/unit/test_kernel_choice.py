"""Which back end a node gets, and why."""

import errno
import os
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.kernel.policies import make_policy

from wayhome.kernel import (
    BackendName,
    ChangeKind,
    Choice,
    KernelError,
    Masquerade,
    choose,
    gather,
    open_backend,
)
from wayhome.kernel.choice import Facts

BOTH = ("iptables-nft", "iptables-legacy")
FACTS = Facts(kernel=(6, 1, 0), nf_tables=None, variants=BOTH)


@pytest.mark.parametrize(
    "facts",
    [
        FACTS,
        replace(FACTS, variants=()),
        replace(FACTS, kernel=(5, 10)),
        replace(FACTS, kernel=(5, 10, 205)),
    ],
)
def test_nftables_where_it_works(facts: Facts) -> None:
    choice = choose(facts)
    assert choice.name is BackendName.NFTABLES
    assert choice.reason.endswith("can hold the table inet wayhome")


OUT = "nftables is out of the question: "


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (replace(FACTS, kernel=(5, 9, 16)), "it takes Linux 5.10, and this is 5.9.16"),
        (replace(FACTS, kernel=(4, 19)), "it takes Linux 5.10, and this is 4.19"),
    ],
)
def test_iptables_nft_where_only_nftables_does_not_work(facts: Facts, reason: str) -> None:
    assert choose(facts) == Choice(BackendName.IPTABLES_NFT, OUT + reason)
    legacy = replace(facts, variants=("iptables-legacy",))
    assert choose(legacy) == Choice(
        BackendName.IPTABLES_LEGACY, f"{OUT}{reason}, and iptables-nft is not installed"
    )


def test_iptables_legacy_where_there_is_no_nf_tables() -> None:
    facts = replace(FACTS, nf_tables="Protocol not supported")
    assert choose(facts) == Choice(
        BackendName.IPTABLES_LEGACY,
        f"{OUT}this kernel has no nf_tables (Protocol not supported)",
    )


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, kernel=(5, 9, 16), variants=()),
        replace(FACTS, nf_tables="Protocol not supported", variants=()),
        replace(FACTS, nf_tables="Protocol not supported", variants=("iptables-nft",)),
    ],
)
def test_where_nothing_works_the_package_is_named(facts: Facts) -> None:
    with pytest.raises(KernelError, match=r"not installed; install the package iptables$"):
        choose(facts)


class NoChannel:
    """A netlink socket of a kernel that answers with an error."""

    error: int

    def generation(self) -> int:
        raise OSError(self.error, os.strerror(self.error))

    def close(self) -> None:
        pass


@pytest.mark.parametrize("error", [errno.EINVAL, errno.EOPNOTSUPP])
def test_a_kernel_without_nf_tables(error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NoChannel, "error", error, raising=False)
    monkeypatch.setattr("wayhome.kernel.choice.Channel", NoChannel)
    assert gather().nf_tables == os.strerror(error)


def test_a_kernel_without_netfilters_netlink(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise OSError(errno.EPROTONOSUPPORT, os.strerror(errno.EPROTONOSUPPORT))

    monkeypatch.setattr("wayhome.kernel.choice.Channel", refused)
    assert gather().nf_tables == "Protocol not supported"


def test_without_rights_no_back_end_is_better_than_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NoChannel, "error", errno.EPERM, raising=False)
    monkeypatch.setattr("wayhome.kernel.choice.Channel", NoChannel)
    with pytest.raises(KernelError, match="CAP_NET_ADMIN"):
        gather()


@pytest.mark.kernel
@pytest.mark.usefixtures("netns")
def test_what_is_chosen_here_works() -> None:
    with closing(open_backend(choose(gather()).name, Masquerade())) as backend:
        assert backend.apply(make_policy("10.0.0.0/8")).kind is ChangeKind.REPLACED


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setattr("wayhome.kernel.presence._ADMIN_FOLDERS", "/nowhere")
    monkeypatch.setattr("wayhome.kernel.choice._nf_tables_problem", lambda: None)
    monkeypatch.setattr("os.defpath", "/nowhere")
    return tmp_path


def install(folder: Path, name: str, body: str = "") -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


CHAIN_IN_LEGACY = replace(FACTS, with_chain=("iptables-legacy",))


def test_a_chain_that_is_there_already_is_kept() -> None:
    choice = choose(CHAIN_IN_LEGACY)
    assert choice.name is BackendName.IPTABLES_LEGACY
    assert "holds the chain IP-MASQ-AGENT" in choice.reason
    assert "wayhome node migrate" in choice.reason


def test_iptables_where_only_that_is_wanted() -> None:
    assert choose(FACTS, iptables=True).name is BackendName.IPTABLES_NFT
    assert choose(CHAIN_IN_LEGACY, iptables=True).name is BackendName.IPTABLES_LEGACY
    with pytest.raises(
        KernelError, match="not installed; start with --backend=nftables, or install"
    ):
        choose(replace(FACTS, variants=()), iptables=True)


def test_a_variant_is_there_if_all_of_its_programs_are(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(programs))
    assert gather().variants == ()
    for suffix in ("", "-save"):
        install(programs, f"iptables-legacy{suffix}")
    assert gather().variants == ()
    install(programs, "iptables-legacy-restore")
    assert gather().variants == ("iptables-legacy",)


@pytest.mark.kernel
@pytest.mark.usefixtures("netns")
def test_the_chain_of_iptables_nft_is_found_without_starting_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subprocess.run(["iptables-nft", "-t", "nat", "-N", "IP-MASQ"], check=True)
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a child process"))
    assert gather("IP-MASQ").with_chain == ("iptables-nft",)
    assert gather().with_chain == ()
