"""IPv6 where no flag says so: only if a line names an IPv6 range, and this node's own Pods are covered."""

import pytest

from wayhome.policy import Settings, parse
from wayhome.policy.configuration import defaults
from wayhome.prefixes import Family, Prefix

DUAL = (Prefix.parse("10.4.0.0/24"), Prefix.parse("fd04::/64"))
NATIVE = Settings(ipv6=None, pod_cidrs=DUAL)


def families(text: str, settings: Settings = NATIVE) -> tuple[Family, ...]:
    parsed = parse(text.encode(), settings)
    assert parsed.configuration is not None, parsed.errors
    return parsed.configuration.policy.families


def warnings(text: str, settings: Settings = NATIVE) -> list[str]:
    return [str(warning) for warning in parse(text.encode(), settings).warnings]


@pytest.mark.parametrize(
    "text",
    [
        "nonMasqueradeCIDRs: [10.0.0.0/8]",
        "masqLinkLocalIPv6: false",
        "masqLinkLocalIPv6: true",
        "",
    ],
)
def test_it_is_left_alone_where_no_line_names_a_range(text: str) -> None:
    assert families(text) == (Family.IPV4,)
    assert defaults(NATIVE).policy.families == (Family.IPV4,)
    assert not any("IPv6" in warning for warning in warnings(text))


@pytest.mark.parametrize(
    "text",
    [
        "nonMasqueradeCIDRs: [fd00::/8]",
        "nonMasqueradeCIDRs: [fd04::/65, 'fd04::8000:0:0:0/65']",  # two halves
        "nonMasqueradeCIDRs: [fd04::/64]\nmasqueradeCIDRs: ['2001:db8::/32']",
        "nonMasqueradeCIDRs: ['::/0', fd04::/64]\nmasqueradeCIDRs: ['fd00::/8']",
    ],
)
def test_it_is_looked_at_where_a_line_names_a_range_and_our_pods_are_kept(text: str) -> None:
    assert families(text) == (Family.IPV4, Family.IPV6)
    assert warnings(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "nonMasqueradeCIDRs: ['2001:db8::/32']",
        "masqueradeCIDRs: ['2001:db8::/32']",
        "nonMasqueradeCIDRs: [fd04::/65]",  # half of it
        "nonMasqueradeCIDRs: [fd00::/8]\nmasqueradeCIDRs: ['fd04::1/128']",  # a hole in it
    ],
)
def test_it_is_left_alone_while_our_own_pods_are_not_kept(text: str) -> None:
    assert families(text) == (Family.IPV4,)
    (warning,) = warnings(text)
    assert warning.startswith("line 1: this node's own IPv6 Pod range fd04::/64 is not covered")
    assert "add fd04::/64 to nonMasqueradeCIDRs" in warning


@pytest.mark.parametrize("pods", [None, DUAL[:1]])
def test_it_is_left_alone_where_our_ipv6_pods_are_not_known(
    pods: tuple[Prefix, ...] | None,
) -> None:
    settings = Settings(ipv6=None, pod_cidrs=pods)
    assert families("nonMasqueradeCIDRs: [fd00::/8]", settings) == (Family.IPV4,)
    (warning,) = warnings("nonMasqueradeCIDRs: [fd00::/8]", settings)
    assert "no IPv6 Pod range of this node is known" in warning


def test_a_flag_decides_where_it_is_given() -> None:
    off, on = Settings(ipv6=False, pod_cidrs=DUAL), Settings(ipv6=True, pod_cidrs=DUAL)
    assert parse(b"nonMasqueradeCIDRs: [fd00::/8]", off).configuration is None
    assert families("nonMasqueradeCIDRs: [10.0.0.0/8]", on) == (Family.IPV4, Family.IPV6)
