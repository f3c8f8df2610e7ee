"""Who writes which rules, and how they are made to stop: known by the chains and comments that they use. Pure.

Sources: the masquerade rules of each project, as in its code; the settings, as in its documentation. That a rule of
kube-proxy is none of a Pod's is not known from here but from the mark that it asks for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from wayhome.netfilter.rules import BaseChain, Rule


@dataclass(frozen=True, slots=True)
class Writer:
    """A program that writes translating rules.

    `intended`: its rule is for connections that have to be translated. `leaves_over`: its rules are known to stay when
    what they were for is gone.
    """

    name: str
    remedy: str
    intended: bool = False
    leaves_over: bool = False


_MIGRATE = "`wayhome node migrate` takes over from it"
_KNOWN: tuple[tuple[str, Writer], ...] = (
    # Matched against "table FAMILY NAME" and "CHAIN TEXT" of the rules that lead to the translation and of the one
    # that translates; the first that fits.
    (r"ip-masq: ", Writer("GKE's node start-up script", _MIGRATE)),
    (r"^IP-MASQ(-AGENT)? |ip-masq-agent: ", Writer("ip-masq-agent (upstream's, GKE's or Azure's)", _MIGRATE)),
    (r"^AWS-SNAT-CHAIN-", Writer("the Amazon VPC CNI", "set AWS_VPC_K8S_CNI_EXTERNALSNAT=true, or list the ranges in AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS, in the DaemonSet aws-node")),
    (r"^cali-nat-outgoing ", Writer("Calico", "set natOutgoing: false in the IPPool, or add a disabled IPPool over the ranges that shall see the Pod")),
    (r"^CILIUM_POST_nat ", Writer("Cilium", "set enableIPv4Masquerade (or enableIPv6Masquerade) to false, or ipv4NativeRoutingCIDR to the ranges that shall see the Pod")),
    (r"^KIND-MASQ-AGENT |^table inet kindnet-", Writer("kindnet", "start kindnetd with --masquerading=false, or with the ranges in --no-masquerade-cidr")),
    (r"^FLANNEL-POSTRTG |flanneld masq", Writer("flannel", "start flanneld without --ip-masq")),
    (r"^ANTREA-POSTROUTING ", Writer("Antrea", "set noSNAT: true in antrea-config")),
    (r"^(OVN-KUBE-EGRESS|ovn-kube)", Writer("OVN-Kubernetes", "look at its EgressIP and at disable-snat-multiple-gws")),
    (r"CNI portfwd masquerade mark|^CNI-HOSTPORT-MASQ ", Writer("the CNI plugin portmap", "none is needed: it is for a Pod that reaches its own host port", intended=True)),
    (r"^CNI-[0-9a-f]{24}", Writer("a CNI plugin (bridge, ptp) with ipMasq", 'set "ipMasq": false in /etc/cni/net.d; the chain of a Pod that is running goes with the Pod', leaves_over=True)),
    (r"kubenet: SNAT for outbound traffic", Writer("kubelet (kubenet)", "start kubelet with --non-masquerade-cidr=0.0.0.0/0")),
    (r"! -o (docker0|br-[0-9a-f]{12}) ", Writer("Docker", 'set "ip-masq": false in /etc/docker/daemon.json, or give its bridge a range in which no Pod is ("bip")')),
    (r"^LIBVIRT_PRT ", Writer("libvirt", "change the network's <forward mode='nat'> to 'route'")),
    (r"^KUBE-POSTROUTING |^table ip6? kube-proxy$", Writer("kube-proxy", "look at --masquerade-all and --iptables-masquerade-bit")),
)  # fmt: skip
_PATTERNS = tuple((re.compile(pattern), writer) for pattern, writer in _KNOWN)


def writer_of(base: BaseChain, path: Sequence[Rule]) -> Writer | None:
    """Who wrote the last rule of a path; None where nobody that is known writes such rules."""
    lines = [f"table {base.family} {base.table}", *(f"{rule.chain} {rule.text}" for rule in path)]
    for pattern, writer in _PATTERNS:
        if any(pattern.search(line) for line in lines):
            return writer
    return None
