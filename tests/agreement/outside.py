"""The way to the internet: Cloud NAT in each of its modes, for primary and secondary ranges."""

from hypothesis import strategies as st
from tests.agreement.exports import Exports, Json
from tests.agreement.vpc import Vpc

ALL = "ALL_SUBNETWORKS_ALL_IP_RANGES"
PRIMARY = "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES"
LISTED = "LIST_OF_SUBNETWORKS"


@st.composite
def cloud_nat(draw: st.DrawFn, exports: Exports, vpc: Vpc, secondary: list[str]) -> None:
    """None, or one with an address of its own or with one that Google chooses. `secondary`: the ranges' names."""
    if not draw(st.sampled_from((False, False, True))):
        return
    mode = draw(st.sampled_from((ALL, PRIMARY, LISTED)))
    nat: Json = {
        "name": "nat", "type": "PUBLIC", "sourceSubnetworkIpRangesToNat": mode,
        "natIpAllocateOption": "AUTO_ONLY",
    }  # fmt: skip

    if draw(st.booleans()):
        reserved = exports.add(
            "addresses", f"{vpc.place}/addresses/{vpc.name}-nat", address=vpc.next_external(),
            addressType="EXTERNAL", status="IN_USE",
        )  # fmt: skip
        nat["natIps"] = [reserved]
    if mode == LISTED:
        nat["subnetworks"] = [draw(_subnetwork(vpc, secondary))]
    exports.add("routers", f"{vpc.place}/routers/{vpc.name}-nat", network=vpc.link, nats=[nat])


@st.composite
def _subnetwork(draw: st.DrawFn, vpc: Vpc, secondary: list[str]) -> Json:
    if draw(st.booleans()) and secondary:
        return {
            "name": vpc.subnetwork, "sourceIpRangesToNat": ["LIST_OF_SECONDARY_IP_RANGES"],
            "secondaryIpRangeNames": [draw(st.sampled_from(secondary))],
        }  # fmt: skip
    which = draw(st.sampled_from(("PRIMARY_IP_RANGE", "ALL_IP_RANGES")))
    return {"name": vpc.subnetwork, "sourceIpRangesToNat": [which]}
