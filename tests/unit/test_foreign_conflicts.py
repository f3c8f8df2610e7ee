"""Rules as the known projects write them: who wrote them, and whether they are in conflict with ours."""

import pytest

from wayhome.kernel.foreign.conflicts import Conflict, conflicts
from wayhome.kernel.foreign.ours import Ours
from wayhome.netfilter.iptables_save import parse
from wayhome.netfilter.rules import BaseChain, Variant
from wayhome.prefixes import Family, Intervals, Prefix

V4 = Family.IPV4


def of(*cidrs: str) -> Intervals:
    return Intervals.of((p.first, p.last) for p in map(Prefix.parse, cidrs))


PODS = {V4: of("10.4.0.0/24")}


def ours(priority: int = 110) -> Ours:
    return Ours(priority, {V4: of("10.0.0.0/8")}, PODS)


def base(*rules: str, priority: int = 100) -> BaseChain:
    names = dict.fromkeys(["POSTROUTING", *(rule.split()[1] for rule in rules)])
    text = "\n".join(["*nat", *(f":{name} - [0:0]" for name in names), *rules, "COMMIT"])
    chains = parse(text, V4)
    assert chains is not None
    return BaseChain(Variant.IPTABLES_NFT, "ip", "nat", "POSTROUTING", priority, chains)


def found(*rules: str) -> tuple[Conflict, ...]:
    return conflicts([base(*rules)], ours(), PODS)


@pytest.mark.parametrize(
    "writer, breaks, rules",
    [
        ("the Amazon VPC CNI", "10.0.0.0/9", [
            '-A POSTROUTING -m comment --comment "AWS SNAT CHAIN" -j AWS-SNAT-CHAIN-0',
            '-A AWS-SNAT-CHAIN-0 -d 10.128.0.0/9 -m comment --comment "AWS SNAT CHAIN" -j RETURN',
            '-A AWS-SNAT-CHAIN-0 ! -o vlan+ -m comment --comment "AWS, SNAT" -m addrtype ! --dst-type LOCAL -j SNAT --to-source 192.0.2.1 --random-fully',
        ]),
        ("Calico", "10.0.0.0/8", [
            "-A POSTROUTING -j cali-POSTROUTING",
            "-A cali-POSTROUTING -j cali-nat-outgoing",
            "-A cali-nat-outgoing -m set --match-set cali40masq-ipam-pools src -m set ! --match-set cali40all-ipam-pools dst -j MASQUERADE --random-fully",
        ]),
        ("Cilium", "10.0.0.0/8", [
            "-A POSTROUTING -j CILIUM_POST_nat",
            "-A CILIUM_POST_nat -s 10.4.0.0/24 ! -d 10.4.0.0/16 ! -o cilium_+ -j MASQUERADE",
        ]),
        ("a CNI plugin (bridge, ptp) with ipMasq", "10.0.0.0/8", [
            '-A POSTROUTING -s 10.4.0.7/32 -m comment --comment "name: \\"k8s\\" id: \\"abc\\"" -j CNI-0123456789abcdef01234567',
            "-A CNI-0123456789abcdef01234567 -d 10.4.0.0/24 -j ACCEPT",
            "-A CNI-0123456789abcdef01234567 ! -d 224.0.0.0/4 -j MASQUERADE",
        ]),
        ("flannel", "10.0.0.0/8", [
            '-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG',
            "-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -j RETURN",
            "-A FLANNEL-POSTRTG -s 10.4.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE",
        ]),
        ("kindnet", "10.0.0.0/8", ["-A POSTROUTING -j KIND-MASQ-AGENT", "-A KIND-MASQ-AGENT -j MASQUERADE"]),
        ("GKE's node start-up script", "10.0.0.0/8", [
            '-A POSTROUTING -m comment --comment "ip-masq: ensure nat POSTROUTING directs all" -j IP-MASQ',
            "-A IP-MASQ -j MASQUERADE",
        ]),
        (None, "10.0.0.0/8", ["-A POSTROUTING ! -d 192.0.2.0/24 -j MASQUERADE"]),
    ],
)  # fmt: skip
def test_who_translates_what_we_keep(writer: str | None, breaks: str, rules: list[str]) -> None:
    (conflict,) = found(*rules)
    assert (conflict.writer.name if conflict.writer else None) == writer
    assert conflict.breaks.minus(of(breaks)) == Intervals()
    assert of("10.99.0.0/16").minus(conflict.breaks) == Intervals()


@pytest.mark.parametrize(
    "rules",
    [
        ["-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE"],
        ['-A POSTROUTING -m comment --comment "CNI portfwd masquerade mark" -j CNI-HOSTPORT-MASQ', "-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE"],
        ["-A POSTROUTING -j KUBE-POSTROUTING", "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN", "-A KUBE-POSTROUTING -j MASQUERADE"],
        ["-A POSTROUTING -m addrtype --src-type LOCAL -j MASQUERADE"],
    ],
)  # fmt: skip
def test_what_is_no_conflict(rules: list[str]) -> None:
    assert found(*rules) == ()


def test_with_asserted_addresses_only_what_comes_earlier_is_in_conflict() -> None:
    masquerade = "-A POSTROUTING -j MASQUERADE"
    places = [base(masquerade, priority=priority) for priority in (80, 90, 100)]
    asserting = conflicts(places, ours(90), PODS)
    assert [(c.base.priority, bool(c.breaks), bool(c.takes)) for c in asserting] == [(80, True, True), (90, True, True)]  # fmt: skip
    reporting = conflicts(places, ours(110), PODS)
    assert [c.assertion_helps for c in reporting] == [False, None, True]
