"""A policy's scope and families, and the options, as the rules of our chain. Pure.

The rules ask in this order: what is not ours to decide, the list, and then comes the translation. A nat chain sees
only the first packet of a connection, and of the connection's own direction: replies never come here.

Only `fib` knows the node's addresses, and asking it is the dearest step of the chain. It is asked about packets
without an input interface alone: those that the node sent itself, and those between two ports of a bridge where
bridge-nf-call-iptables shows them to us. (Before Linux 5.7 no packet has one in postrouting, and fib is asked about
all.)

**The scope of Pods** (`pod_cidrs` given) is connections that this node's Pods open:

- Not what others open: the source must be in a Pod range, and no inbound connection's is.
- Not the node's own, which may come from an address inside the Pod range, such as its bridge's. The address is
  asked for, not only the missing input interface, because a transparent proxy on the node sends in the name of Pods,
  and those packets are theirs.
- Not replies. Conntrack may have forgotten an inbound connection (flushed, or idle for longer than
  nf_conntrack_tcp_timeout_established); if the server in the Pod speaks next, conntrack takes that packet for the
  first of a new connection, and masqueraded it would reach the client from an address that the client never called:
  the client answers with a reset, and the connection is lost. So of TCP packets that open nothing (no SYN alone) only
  a client's are masqueraded: one from an ephemeral port to another kind. Those are the rest of a masqueraded
  connection that was forgotten. With `--random-fully=false` it goes on; otherwise its server answers with a reset,
  and the client tries again at once, where a packet with the Pod's own address could vanish until the client's
  patience ends.
- UDP has no packet that says "I open". A datagram from a forgotten inbound connection is masqueraded: by its ports it
  cannot be told from a call of a client that has a fixed port (SIP, media), and not to masquerade that one would cut
  it off for good. (An ICMP reply without a request is invalid to conntrack, and never comes here.)

**Asserted addresses** (`Preserve.ASSERT`) are translated to themselves, so that nobody else translates them later. A
connection that others must masquerade is left to them, or it is cut off: a Pod that reaches itself by way of its
own Service, or through a hostPort, would answer itself past the translation. kube-proxy marks some of these and not
others (since 1.36 it looks them up), so nothing is asserted towards this node's own Pods; where those are not known,
in upstream's scope, nor on any connection whose destination was translated.
"""

from collections.abc import Iterator

from wayhome.kernel.masquerade import PORT_PROTOCOLS, Masquerade, Preserve
from wayhome.kernel.skeleton import CHAIN, COUNTER, SRCNAT, Chain, Rule, SetType, Skeleton
from wayhome.policy import Action, Policy
from wayhome.prefixes import Family

FIRST_EPHEMERAL_PORT = 32768
"""net.ipv4.ip_local_port_range begins there unless somebody changed it (Linux, Documentation/networking/ip-sysctl)."""
_OPENS_NOTHING = "tcp flags & (fin | syn | rst | ack) != syn"


def skeleton_of(policy: Policy, masquerade: Masquerade) -> Skeleton:
    """The skeleton for a policy's scope and families, and for these options."""
    sets = [
        SetType(list_set(action, family), _key_type(family), counted=True)
        for action in Action
        for family in policy.families
    ]
    if policy.pod_cidrs is not None:
        sets += [SetType(pods_set(family), _key_type(family)) for family in policy.families]
    return Skeleton(
        Chain(CHAIN, "nat", "postrouting", SRCNAT + masquerade.preserve.priority_offset, "accept"),
        tuple(sets),
        tuple(_rules(policy, masquerade)),
    )


def list_set(action: Action, family: Family) -> str:
    """The set of the destinations about which some line says this: `keep4`, `masquerade6`."""
    return f"{action.value}{family:d}"


def pods_set(family: Family) -> str:
    """The set of the ranges that this node's Pods have their addresses from."""
    return f"pods{family:d}"


SET_NAMES = frozenset(
    name
    for family in Family
    for name in (*(list_set(action, family) for action in Action), pods_set(family))
)
"""All sets that a table of ours may have."""


def _key_type(family: Family) -> str:
    return f"ipv{family:d}_addr"


def _header(family: Family) -> str:
    return "ip" if family is Family.IPV4 else "ip6"


def _rules(policy: Policy, masquerade: Masquerade) -> Iterator[Rule]:
    if masquerade.kube_proxy_mark_bit is not None:
        mask = f"0x{1 << masquerade.kube_proxy_mark_bit:08x}"
        # kube-proxy masquerades what it has marked and takes the mark off in the same rules. A connection
        # translated here first would skip them, and the mark would stay on its packets.
        yield Rule(
            f"meta mark & {mask} == {mask} return",
            "marked by kube-proxy, which masquerades it and takes the mark off",
        )
    if Family.IPV6 not in policy.families:
        yield Rule("meta nfproto != ipv4 return", "IPv6 is left alone")
    yield from _scope_of_pods(policy) if policy.pod_cidrs is not None else _upstreams_scope()
    for family in policy.families:
        if masquerade.preserve is Preserve.ASSERT:
            yield from _assertion(policy, family)
        else:
            yield Rule(
                f"{_header(family)} daddr @{list_set(Action.KEEP, family)} return", _kept(family)
            )
    if policy.pod_cidrs is not None:
        yield from _replies()
    for family in _families_with_masquerade_lines(policy):
        # These take no other way than what no line names: they are looked up to be counted, and a look-up in vain
        # costs a hundredth of a new connection. So the first such line replaces the table, and the others do not.
        yield Rule(
            f"{_header(family)} daddr @{list_set(Action.MASQUERADE, family)} continue",
            f"IPv{family:d} destinations that a line wants to see this node's address",
        )
    yield Rule(f'counter name "{COUNTER}"', "everything that is masqueraded")
    yield from _translation(masquerade)


def _families_with_masquerade_lines(policy: Policy) -> list[Family]:
    named = {e.prefix.family for e in policy.entries if e.action is Action.MASQUERADE}
    return [family for family in policy.families if family in named]


def _upstreams_scope() -> Iterator[Rule]:
    """Upstream's `-m addrtype ! --dst-type LOCAL`; nothing that came in leaves again to an address of this node."""
    yield Rule("meta iif 0 fib daddr type local return", "to an address of this node")


def _scope_of_pods(policy: Policy) -> Iterator[Rule]:
    for family in policy.families:
        yield Rule(
            f"{_header(family)} saddr != @{pods_set(family)} return",
            f"IPv{family:d}, not from a Pod of this node",
        )
    yield Rule("meta iif 0 fib saddr type local return", "sent by this node itself")


def _assertion(policy: Policy, family: Family) -> Iterator[Rule]:
    header = _header(family)
    kept = f"{header} daddr @{list_set(Action.KEEP, family)}"
    if policy.pod_cidrs is not None:
        yield Rule(
            f"{header} daddr @{pods_set(family)} {kept} return",
            f"IPv{family:d}, to a Pod of this node: others may have to masquerade it",
        )
    else:
        yield Rule(
            f"ct status dnat {kept} return",
            f"IPv{family:d}, sent here by others, who may have to masquerade it",
        )
    yield Rule(f"{kept} snat {header} to {header} saddr", _kept(family))


def _kept(family: Family) -> str:
    return f"IPv{family:d} destinations that see the Pod's own address"


def _replies() -> Iterator[Rule]:
    yield Rule(
        f"{_OPENS_NOTHING} tcp sport < {FIRST_EPHEMERAL_PORT} return",
        "from a server, on a connection that conntrack forgot",
    )
    yield Rule(
        f"{_OPENS_NOTHING} tcp dport >= {FIRST_EPHEMERAL_PORT} return",
        "to a client, on a connection that conntrack forgot",
    )


def _translation(masquerade: Masquerade) -> Iterator[Rule]:
    randomly = " fully-random" if masquerade.random_fully else ""
    for protocol in PORT_PROTOCOLS:
        for share in masquerade.port_shares():
            dice = f"numgen random mod {share.remaining} < {share.size} "
            yield Rule(
                f"meta l4proto {protocol} {'' if share.takes_all else dice}masquerade to :{share}{randomly}",
                f"{protocol}, from ports {share}: {share.size} of {share.remaining} connections",
            )
    yield Rule(f"masquerade{randomly}", "every other destination sees this node's address")
