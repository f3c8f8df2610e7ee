"""What a real node holds, loaded again word for word: the same rules are there, and no others."""

import json
import subprocess

import pytest
from tests.kernel.foreign import KUBE_PROXY, kube_proxy_iptables, needs_rulesets, restore

from wayhome.lab.namespaces import NetworkNamespace
from wayhome.netfilter import verbatim
from wayhome.netfilter.rules import BaseChain, Variant
from wayhome.netfilter.ruleset import base_chains
from wayhome.prefixes import Family

pytestmark = [pytest.mark.kernel, needs_rulesets, pytest.mark.usefixtures("netns")]


def run(*argv: str, text: str = "") -> str:
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=True).stdout


def rules(base: BaseChain) -> dict[str, list[str]]:
    """The texts of all rules that the chain leads to."""
    found, ahead = {}, [base.name]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found[name] = [rule.text for rule in base.chains[name]]
            ahead += [rule.target for rule in base.chains[name] if rule.target]
    return found


def test_kube_proxy_s_iptables() -> None:
    def held() -> BaseChain:
        text = run("iptables-nft-save", "-t", "nat")
        (base,) = base_chains(None, {(Variant.IPTABLES_NFT, Family.IPV4): text})
        return base

    restore(kube_proxy_iptables())
    before = held()
    run("nft", "flush", "ruleset")
    run("iptables-nft-restore", text=verbatim.saved(before))
    assert rules(held()) == rules(before)
    assert "KUBE-MARK-MASQ" in rules(before) or "KUBE-POSTROUTING" in rules(before)
    assert "KUBE-SERVICES" not in run("iptables-nft-save", "-t", "nat")


def test_kube_proxy_s_nftables(netns: NetworkNamespace) -> None:
    def held() -> tuple[str, BaseChain]:
        text = run("nft", "-j", "list", "ruleset")
        (base,) = (one for one in base_chains(text, {}) if one.family == "ip")
        return text, base

    run("nft", "-f", str(KUBE_PROXY / "nftables.nft"))
    listed, before = held()
    run("nft", "flush", "ruleset")
    table = (before.family, before.table)
    run("nft", "-j", "-f", "-", text=verbatim.native(listed, table, [before.name]))
    again, after = held()
    assert rules(after) == rules(before)
    assert len(rules(before)) > 1
    assert len(json.loads(again)["nftables"]) < len(json.loads(listed)["nftables"])
