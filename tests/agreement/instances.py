"""Instances: tags, forwarding or not, aliases, external addresses, second interfaces; some do not run."""

from typing import Any

from hypothesis import strategies as st
from tests.agreement.exports import Exports, Json
from tests.agreement.vpc import Vpc

TAGS = ("web", "db")


@st.composite
def instance(draw: st.DrawFn, /, exports: Exports, vpc: Vpc, name: str, **more: Any) -> str:
    """A machine with an address of the subnetwork. Returns its full name."""
    full = vpc.instance(name)
    nic = _interface(vpc, "nic0", full) | more.pop("nic", {})
    if draw(st.sampled_from((False, False, True))):
        nic["accessConfigs"] = [{"name": "External NAT", "natIP": vpc.next_external()}]
    if "aliasIpRanges" not in nic and draw(st.sampled_from((False, False, False, True))):
        nic["aliasIpRanges"] = [{"ipCidrRange": f"{vpc.next_address()}/32"}]
    fields = {
        "status": draw(st.sampled_from(("RUNNING",) * 15 + ("TERMINATED",))),
        "canIpForward": draw(st.booleans()),
        "tags": {"items": sorted(draw(st.sets(st.sampled_from(TAGS))))},
        "networkInterfaces": [nic],
    }
    exports.add("instances", full, **(fields | more))
    return full


@st.composite
def second_interfaces(draw: st.DrawFn, exports: Exports, networks: list[Vpc]) -> None:
    """Some machines of one network get an interface in another one, too, whose ranges are others: the cloud asks for that."""
    for vpc in networks:
        for other in networks:
            apart = not other.subnet.overlaps(vpc.subnet)
            if apart and draw(st.sampled_from((False, False, True))):
                chosen = draw(st.sampled_from(exports.files[f"{vpc.project}/instances.json"]))
                interfaces = chosen["networkInterfaces"]
                full = chosen["selfLink"].partition("/v1/")[2]
                interfaces.append(_interface(other, f"nic{len(interfaces)}", full))


def _interface(vpc: Vpc, name: str, full: str) -> Json:
    vpc.machines[full] = vpc.next_address()
    nic: Json = {
        "name": name, "network": vpc.link, "networkIP": vpc.machines[full], "subnetwork": vpc.subnetwork,
    }  # fmt: skip
    if ipv6 := vpc.last_ipv6():
        nic |= {"ipv6Address": ipv6, "stackType": "IPV4_IPV6"}
    return nic
