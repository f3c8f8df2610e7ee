"""A node with many Services: rules of kube-proxy's iptables mode, as many as wanted.

Names, comments and order are those that kube-proxy 1.36 leaves behind (`iptables-save` on a running node): for each
Service with two endpoints eight rules in three chains of their own. Rules for its own statistics (nfacct) are left out.
"""

import base64
import hashlib
from collections.abc import Iterator

RULES_OF_A_SERVICE = 8
RULES_OF_NONE = 7
"""How many there are without any Service."""


def restore_text(rules: int) -> str:
    """At least that many rules, and fewer than eight more, for iptables-restore."""
    services = range(-(-(rules - RULES_OF_NONE) // RULES_OF_A_SERVICE))
    chains = [chain for number in services for chain in _chains(number)]
    lines = ["*nat"]
    lines += [f":{chain} - [0:0]" for chain in (*_FIXED_CHAINS, *chains)]
    lines += _ALWAYS
    lines += [rule for number in services for rule in _rules(number)]
    lines += [_LAST, "COMMIT"]
    return "\n".join(lines) + "\n"


_FIXED_CHAINS = ("KUBE-MARK-MASQ", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-SERVICES")
_ALWAYS = (
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
    "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000",
    "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
    "-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0",
    '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
)
_LAST = '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS'


def _chains(service: int) -> tuple[str, str, str]:
    return _name("SVC", service), _name("SEP", 2 * service), _name("SEP", 2 * service + 1)


def _name(kind: str, number: int) -> str:
    digest = hashlib.sha256(f"{kind} {number}".encode()).digest()
    return f"KUBE-{kind}-{base64.b32encode(digest)[:16].decode()}"


def _rules(number: int) -> Iterator[str]:
    service, *endpoints = _chains(number)
    name = f"namespace-{number % 40}/service-{number}:http"
    address = f"10.96.{number >> 8}.{number & 255}"
    comment = f'-m comment --comment "{name}'
    cluster = f'-d {address}/32 -p tcp {comment} cluster IP" -m tcp --dport 80'
    yield f"-A KUBE-SERVICES {cluster} -j {service}"
    yield f"-A {service} ! -s 172.16.0.0/16 {cluster} -j KUBE-MARK-MASQ"
    for index, endpoint in enumerate(endpoints):
        pod = f"172.16.{number >> 7 & 255}.{(2 * number & 254) + index}"
        dice = "" if index else "-m statistic --mode random --probability 0.50000000000 "
        yield f'-A {service} {comment} -> {pod}:8080" {dice}-j {endpoint}'
        yield f'-A {endpoint} -s {pod}/32 {comment}" -j KUBE-MARK-MASQ'
        yield f'-A {endpoint} -p tcp {comment}" -m tcp -j DNAT --to-destination {pod}:8080'
