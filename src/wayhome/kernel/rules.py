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

**Accounting** (`--accounting`) is a second chain, since a nat chain sees no packet but the first. It hangs at the same
hook, before every translation of sources: all nat chains of a hook are called at `srcnat`, and behind it packets of a
masqueraded connection have the node's address, and their Pod is not known any more. Its only verdict is `return`, and
its policy what a packet gets that nobody speaks about, so it decides nothing. Its sets are its own: an element has one
counter, and the translation's count connections. One set of a family holds whatever a line names, so that a packet
costs one look-up beside the scope's. Counted is what goes in the direction in which its connection was opened; answers
leave at the first rule, and counting them would cost as many look-ups again. Two things are not to be told from a later
packet, and are counted: connections that kube-proxy marked, and what a server sends on after conntrack forgot who
called whom.
"""

from collections.abc import Iterator
from functools import lru_cache

from wayhome.kernel.masquerade import PORT_PROTOCOLS, Masquerade, Preserve
from wayhome.kernel.skeleton import (
    ACCOUNTING_CHAIN,
    CHAIN,
    COUNTER,
    SENT_ELSEWHERE,
    SRCNAT,
    Chain,
    Rule,
    RuledChain,
    SetType,
    Skeleton,
    stamped,
)
from wayhome.kernel.statements import (
    CONTINUE,
    RETURN,
    Statement,
    carries,
    count_in,
    destination_translated,
    dice,
    in_set,
    is_a_reply,
    is_local,
    keep_source,
    mark_bit,
    masquerades,
    no_input_interface,
    not_in_set,
    not_of,
    of_no_connection,
    opens_nothing,
    tcp_port,
)
from wayhome.policy import Action, Policy
from wayhome.prefixes import Family

ACCOUNTING_PRIORITY = SRCNAT - 10
"""Behind the filters, so that what they drop is not counted, and before every translation of sources."""
FIRST_EPHEMERAL_PORT = 32768
"""net.ipv4.ip_local_port_range begins there unless somebody changed it (Linux, Documentation/networking/ip-sysctl)."""


def skeleton_of(policy: Policy, masquerade: Masquerade) -> Skeleton:
    """The skeleton for a policy's scope and families, and for these options."""
    named = {e.prefix.family for e in policy.entries if e.action is Action.MASQUERADE}
    return _skeleton(
        policy.families,
        tuple(family for family in policy.families if family in named),
        masquerade,
        scope_of_pods=policy.pod_cidrs is not None,
    )


@lru_cache(maxsize=1)
def _skeleton(
    families: tuple[Family, ...],
    with_masquerade_lines: tuple[Family, ...],
    masquerade: Masquerade,
    *,
    scope_of_pods: bool,
) -> Skeleton:
    """The list is not in it, so that one list after another takes the same one."""
    sets = [
        SetType(list_set(action, family), _key_type(family), counted=True)
        for action in Action
        for family in families
    ]
    if scope_of_pods:
        sets += [SetType(pods_set(family), _key_type(family)) for family in families]
    priority = SRCNAT + masquerade.preserve.priority_offset
    rules = _rules(families, with_masquerade_lines, masquerade, scope_of_pods=scope_of_pods)
    translation = RuledChain(Chain(CHAIN, "nat", "postrouting", priority, "accept"), tuple(rules))
    if not masquerade.accounting:
        return stamped(translation, sets)
    sets += [SetType(sent_set(family), _key_type(family), counted=True) for family in families]
    accounting = RuledChain(
        Chain(ACCOUNTING_CHAIN, "filter", "postrouting", ACCOUNTING_PRIORITY, "accept"),
        tuple(_accounting(families, scope_of_pods=scope_of_pods)),
    )
    return stamped(translation, sets, accounting)


def list_set(action: Action, family: Family) -> str:
    """The set of the destinations about which some line says this: `keep4`, `masquerade6`."""
    return f"{action.value}{family:d}"


def pods_set(family: Family) -> str:
    """The set of the ranges that this node's Pods have their addresses from."""
    return f"pods{family:d}"


def sent_set(family: Family) -> str:
    """The set of all destinations that some line names, for counting packets."""
    return f"sent{family:d}"


SENT_SETS = frozenset(map(sent_set, Family))
"""The sets whose elements count packets."""
SET_NAMES = SENT_SETS | frozenset(
    name
    for family in Family
    for name in (*(list_set(action, family) for action in Action), pods_set(family))
)
"""All sets that a table of ours may have."""


def _key_type(family: Family) -> str:
    return f"ipv{family:d}_addr"


def _rules(
    families: tuple[Family, ...],
    with_masquerade_lines: tuple[Family, ...],
    masquerade: Masquerade,
    *,
    scope_of_pods: bool,
) -> Iterator[Rule]:
    if masquerade.kube_proxy_mark_bit is not None:
        # kube-proxy masquerades what it has marked and takes the mark off in the same rules. A connection
        # translated here first would skip them, and the mark would stay on its packets.
        yield _rule(
            "marked by kube-proxy, which masquerades it and takes the mark off",
            mark_bit(masquerade.kube_proxy_mark_bit),
            RETURN,
        )
    yield from _scope(families, scope_of_pods=scope_of_pods)
    for family in families:
        kept = _to_set(family, list_set(Action.KEEP, family))
        if masquerade.preserve is Preserve.ASSERT:
            yield _exception(family, kept, scope_of_pods=scope_of_pods)
            yield _rule(_kept(family), kept, keep_source(family))
        else:
            yield _rule(_kept(family), kept, RETURN)
    if scope_of_pods:
        yield from _replies()
    for family in with_masquerade_lines:
        # These take no other way than what no line names: they are looked up to be counted, and a look-up in vain
        # costs a hundredth of a new connection. So the first such line replaces the table, and the others do not.
        yield _rule(
            f"IPv{family:d} destinations that a line wants to see this node's address",
            _to_set(family, list_set(Action.MASQUERADE, family)),
            CONTINUE,
        )
    yield _rule("everything that is masqueraded", count_in(COUNTER))
    yield from _translation(masquerade)


def _rule(comment: str, *statements: Statement) -> Rule:
    return Rule(statements, comment)


def _to_set(family: Family, name: str) -> Statement:
    return in_set(family, "daddr", name)


def _scope(families: tuple[Family, ...], *, scope_of_pods: bool) -> Iterator[Rule]:
    """What is not ours to decide."""
    if Family.IPV6 not in families:
        yield _rule("IPv6 is left alone", not_of(Family.IPV4), RETURN)
    yield from _scope_of_pods(families) if scope_of_pods else _upstreams_scope()


def _upstreams_scope() -> Iterator[Rule]:
    """Upstream's `-m addrtype ! --dst-type LOCAL`; nothing that came in leaves again to an address of this node."""
    yield _rule("to an address of this node", no_input_interface(), is_local("daddr"), RETURN)


def _scope_of_pods(families: tuple[Family, ...]) -> Iterator[Rule]:
    for family in families:
        yield _rule(
            f"IPv{family:d}, not from a Pod of this node",
            not_in_set(family, "saddr", pods_set(family)),
            RETURN,
        )
    yield _rule("sent by this node itself", no_input_interface(), is_local("saddr"), RETURN)


def _exception(family: Family, kept: Statement, *, scope_of_pods: bool) -> Rule:
    """What is kept but not asserted."""
    if scope_of_pods:
        return _rule(
            f"IPv{family:d}, to a Pod of this node: others may have to masquerade it",
            _to_set(family, pods_set(family)),
            kept,
            RETURN,
        )
    return _rule(
        f"IPv{family:d}, sent here by others, who may have to masquerade it",
        destination_translated(),
        kept,
        RETURN,
    )


def _kept(family: Family) -> str:
    return f"IPv{family:d} destinations that see the Pod's own address"


def _replies() -> Iterator[Rule]:
    yield _rule(
        "from a server, on a connection that conntrack forgot",
        opens_nothing(),
        tcp_port("sport", "<", FIRST_EPHEMERAL_PORT),
        RETURN,
    )
    yield _rule(
        "to a client, on a connection that conntrack forgot",
        opens_nothing(),
        tcp_port("dport", ">=", FIRST_EPHEMERAL_PORT),
        RETURN,
    )


def _accounting(families: tuple[Family, ...], *, scope_of_pods: bool) -> Iterator[Rule]:
    yield _rule("answers", is_a_reply(), RETURN)
    yield _rule("of no connection, so that nobody decides about it", of_no_connection(), RETURN)
    yield from _scope(families, scope_of_pods=scope_of_pods)
    for family in families:
        yield _rule(
            f"IPv{family:d} destinations that a line names: counted there",
            _to_set(family, sent_set(family)),
            RETURN,
        )
    yield _rule("destinations that no line names", count_in(SENT_ELSEWHERE))


def _translation(masquerade: Masquerade) -> Iterator[Rule]:
    fully_random = masquerade.random_fully
    for protocol in PORT_PROTOCOLS:
        for share in masquerade.port_shares():
            some = () if share.takes_all else (dice(share.size, share.remaining),)
            yield _rule(
                f"{protocol}, from ports {share}: {share.size} of {share.remaining} connections",
                carries(protocol),
                *some,
                masquerades((share.first, share.last), fully_random=fully_random),
            )
    yield _rule(
        "every other destination sees this node's address",
        masquerades(None, fully_random=fully_random),
    )
