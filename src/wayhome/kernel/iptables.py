"""Upstream's chain to the letter, as text for iptables-restore and ip6tables-restore `--noflush`. Pure.

Names, comments and order are those of kubernetes-sigs/ip-masq-agent 2.12: for nodes that must keep them, for taking
over from it, and as the baseline of the benchmark. Restoring the chain's declaration empties it, so the text
replaces the chain. The jump to it is appended: with the text as it is, a second restore would add a second jump.

The chain is a list in the order of the configuration, and all its entries say RETURN. That agrees with a policy,
where the longest prefix decides, exactly as long as no entry says masquerade.
"""

from collections.abc import Iterator

from wayhome.kernel.masquerade import PORT_PROTOCOLS, Masquerade
from wayhome.policy import Action, Policy
from wayhome.prefixes import Family

CHAIN = "IP-MASQ-AGENT"
_KEEP = "ip-masq-agent: local traffic is not subject to MASQUERADE"
_MASQUERADE = "ip-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)"
_JUMP = "ip-masq-agent: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom {chain} chain"


class InexpressibleError(ValueError):
    """Upstream's chain has no way to say what the policy says."""


def render_chain(policy: Policy, masquerade: Masquerade, family: Family, chain: str = CHAIN) -> str:
    """The chain and the jump to it, for one family. Raises InexpressibleError."""
    _refuse_what_upstream_cannot_say(policy)
    lines = ["*nat", f":{chain} - [0:0]", _jump(chain)]
    lines += [
        f'-A {chain} -m comment --comment "{_KEEP}" -d {entry.prefix} -j RETURN'
        for entry in policy.entries
        if entry.prefix.family is family
    ]
    lines += [f"-A {chain} {rule}" for rule in _translation(masquerade)]
    return "\n".join([*lines, "COMMIT"]) + "\n"


def _jump(chain: str) -> str:
    comment = _JUMP.format(chain=chain)
    return (
        f'-A POSTROUTING -m comment --comment "{comment}" -m addrtype ! --dst-type LOCAL -j {chain}'
    )


def _translation(masquerade: Masquerade) -> Iterator[str]:
    comment = f'-m comment --comment "{_MASQUERADE}"'
    target = f"-j MASQUERADE{' --random-fully' if masquerade.random_fully else ''}"
    for protocol in PORT_PROTOCOLS:
        for share in masquerade.port_shares():
            dice = f"-m statistic --mode random --probability {share.size / share.remaining:.11f} "
            yield f"{comment} -p {protocol} {'' if share.takes_all else dice}{target} --to-ports {share}"
    yield f"{comment} {target}"


def _refuse_what_upstream_cannot_say(policy: Policy) -> None:
    carved_out = [entry for entry in policy.entries if entry.action is Action.MASQUERADE]
    if carved_out:
        first = carved_out[0]
        raise InexpressibleError(
            f"{first.prefix} ({first.origin}) is to be masqueraded inside a range that is not: "
            "upstream's chain cannot express that; use the nftables back end, or list what remains of the range"
        )
    if policy.pod_cidrs is not None:
        raise InexpressibleError(
            "only Pods of this node are to be masqueraded: upstream's chain has no match on the source; "
            "use the nftables back end, or upstream's scope"
        )
