"""Accepted configurations, written out or drawn at random."""

from typing import Any

from hypothesis import strategies as st

from wayhome.policy import Configuration, Settings, parse
from wayhome.policy.policy import LINK_LOCAL
from wayhome.prefixes import Family, Prefix

IPV6 = Settings(ipv6=True)


def configured(text: str, settings: Settings = IPV6) -> Configuration:
    parsed = parse(text.encode(), settings)
    assert parsed.configuration is not None, parsed.findings
    return parsed.configuration


@st.composite
def configurations(draw: Any) -> Configuration:
    """Both lists with ranges that meet each other and the link-local ones, and any switches."""
    anchors = {
        Family.IPV4: ["0.0.0.0", "10.0.0.0", "169.254.169.254", "169.252.0.0", "255.255.255.255"],
        Family.IPV6: ["::", "fe80::", "fe80::a9fe:a9fe", "fd00::", "ffff::"],
    }
    action: dict[Prefix, str] = {}
    for _ in range(draw(st.integers(0, 12))):
        family = draw(st.sampled_from(list(Family)))
        host = Prefix.parse(f"{draw(st.sampled_from(anchors[family]))}/{family.bits}")
        length = draw(st.integers(0, family.bits))
        flipped = host.first ^ draw(st.integers(0, 7)) << max(family.bits - length, 0)
        first = (flipped & family.last) >> (family.bits - length) << (family.bits - length)
        prefix = Prefix(family, first, length)
        action.setdefault(prefix, draw(st.sampled_from(["keep", "masquerade"])))
    switches = draw(st.booleans()), draw(st.booleans())
    for link_local, masqueraded in zip(LINK_LOCAL.values(), switches, strict=True):
        if not masqueraded:  # a tie is an error
            action.pop(link_local, None)

    def listed(wanted: str) -> str:
        return ", ".join(f'"{prefix}"' for prefix, found in action.items() if found == wanted)

    return configured(
        f"nonMasqueradeCIDRs: [{listed('keep')}]\nmasqueradeCIDRs: [{listed('masquerade')}]\n"
        f"masqLinkLocal: {switches[0]}\nmasqLinkLocalIPv6: {switches[1]}\ncidrLimit: 5000\nresyncInterval: 90s\n"
    )
