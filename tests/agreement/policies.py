"""Firewall policies: of the organization, before everything else, and of a network, before or behind its rules."""

from typing import Any

from hypothesis import strategies as st
from tests.agreement.exports import Exports, Json
from tests.agreement.vpc import Vpc
from tests.agreement.wide import WIDE
from tests.clouds.read.directory import COMPUTE

LAYERS: tuple[list[Json], ...] = (
    [{"ipProtocol": "all"}],
    [{"ipProtocol": "tcp", "ports": ["80"]}],
    [{"ipProtocol": "icmp"}],
    [{"ipProtocol": "udp"}, {"ipProtocol": "tcp", "ports": ["8000-9000"]}],
)
ACTIONS = ("allow", "deny", "goto_next", "goto_next", "apply_security_profile_group")


@st.composite
def firewall_policies(draw: st.DrawFn, exports: Exports, vpc: Vpc) -> None:
    """What applies to a network from above, and what is attached to it."""
    above = [draw(_rules()) for _ in range(draw(st.sampled_from((0, 0, 1, 2))))]
    policies = [
        {"name": f"10{number}", "displayName": f"policy-{number}", "type": "HIERARCHY", "rules": rules}
        for number, rules in enumerate(above)
    ]  # fmt: skip
    file = f"{vpc.project}/effective-firewalls.json"
    content = {"firewalls": [], "firewallPolicys": policies}
    exports.about(file, "compute#effectiveFirewalls", vpc.full, content)
    for place in draw(st.sampled_from(((), (), ("global",), ("global", f"regions/{vpc.region}")))):
        name = (
            f"projects/{vpc.project}/{place}/firewallPolicies/{vpc.name}-{place.partition('/')[0]}"
        )
        exports.add(
            "firewall-policies", name, rules=draw(_rules()),
            associations=[{"name": "to-it", "attachmentTarget": f"{COMPUTE}{vpc.full}"}],
        )  # fmt: skip


@st.composite
def _rules(draw: st.DrawFn) -> list[Json]:
    return [draw(_rule(priority)) for priority in range(draw(st.integers(1, 3)))]


@st.composite
def _rule(draw: st.DrawFn, priority: int) -> Json:
    direction, side = draw(
        st.sampled_from((("INGRESS", "srcIpRanges"), ("INGRESS", "srcIpRanges"), ("EGRESS", "destIpRanges")))
    )  # fmt: skip
    match: dict[str, Any] = {
        side: [draw(st.sampled_from(WIDE))], "layer4Configs": draw(st.sampled_from(LAYERS)),
    }  # fmt: skip
    if draw(st.sampled_from((False,) * 9 + (True,))):
        match["srcSecureTags"] = [{"name": "tagValues/1", "state": "EFFECTIVE"}]
    return {
        "priority": priority, "direction": direction, "action": draw(st.sampled_from(ACTIONS)),
        "match": match, "disabled": draw(st.sampled_from((False, False, False, True))),
    }  # fmt: skip
