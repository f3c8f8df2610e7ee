"""The fake refuses what nft and the kernel refuse, and then nothing of the script has happened."""

import copy

import pytest

from wayhome.kernel import RefusedError
from wayhome.kernel.fake_nftables import FakeNftables

GIVEN = """\
add table inet t
add set inet t four { type ipv4_addr; flags interval; }
add set inet t six { type ipv6_addr; flags interval; }
add chain inet t c { type nat hook postrouting priority srcnat + 10; policy accept; }
add chain inet t plain
add counter inet t met { packets 1 bytes 2 }
add rule inet t c counter name "met"
add rule inet t c ip daddr @four return comment "x"
add element inet t four { 10.0.0.0/8, 11.0.0.1-11.0.0.9 }
"""


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("delete table inet absent", "No such file or directory: table inet absent"),
        ("add set inet absent s { type ipv4_addr; flags interval; }", "table inet absent"),
        ("add set inet t four { type ipv6_addr; flags interval; }", "File exists"),
        ("delete set inet t four", "Device or resource busy"),
        (
            "add chain inet t c { type nat hook postrouting priority srcnat - 10; policy accept; }",
            "File exists",
        ),
        ("add chain inet t d { type nat hook postrouting; }", "syntax error"),
        ("flush chain inet t absent", "chain absent"),
        ("add rule inet t absent masquerade", "chain absent"),
        ("add rule inet t c ip daddr @absent return", "set absent"),
        ("add rule inet t c ip6 daddr @four return", "datatype mismatch"),
        ("add rule inet t c ip saddr @six return", "datatype mismatch"),
        ("add rule inet t c masquerade to :1-2", "syntax error"),
        ("add rule inet t c snat to 1.1.1.1", "syntax error"),
        ("add rule inet t plain masquerade", "Operation not supported"),
        ("add rule inet t plain ip daddr @four snat ip to ip saddr", "Operation not supported"),
        ("add rule inet t c ip daddr @four ip daddr @absent return", "set absent"),
        ("add rule inet t c ip daddr @absent continue", "set absent"),
        ('add rule inet t c counter name "absent"', "counter absent"),
        ("delete counter inet t absent", "counter absent"),
        ("delete counter inet t met", "Device or resource busy"),
        ("add rule inet t c ip daddr @four snat ip6 to ip6 saddr", "syntax error"),
        (f'add rule inet t c masquerade comment "{"x" * 129}"', "comment too long"),
        (f'add table inet u {{ comment "{"x" * 129}"; }}', "comment too long"),
        ("add element inet t absent { 1.0.0.0/8 }", "set absent"),
        ("add element inet t four { 10.1.0.0/16 }", "overlaps"),
        ("add element inet t four { 9.0.0.0-10.0.0.0 }", "overlaps"),
        ("add element inet t four { 0.0.0.0/0 }", "overlaps"),
        ("add element inet t four { 10.0.0.0/8 }", "overlaps"),
        ("add element inet t four { 11.0.0.9 }", "overlaps"),
        ("add element inet t four { 1.0.0.1/8 }", "bits set to the right"),
        ("add element inet t four { 1.0.0.9-1.0.0.1 }", "negative size"),
        ("add element inet t four { 1.0.0.9-fd00:: }", "negative size"),
        ("add element inet t four { fd00::/8 }", "datatype mismatch"),
        ("add element inet t six { 1.0.0.0 }", "datatype mismatch"),
        ("add element inet t four { nonsense }", "nonsense"),
        ("delete element inet t four { 10.0.0.0/9 }", "does not exist"),
        ("list ruleset", "syntax error"),
        ("add table inet u; add table inet v", "syntax error"),
    ],
)
def test_refused_and_nothing_has_happened(command: str, words: str) -> None:
    nftables = FakeNftables()
    nftables.run(GIVEN)
    before = copy.deepcopy(nftables.tables)
    with pytest.raises(RefusedError, match=f"^line 2: .*{words}"):
        nftables.run(f"add table inet new\n{command}")
    assert nftables.tables == before


def test_what_touches_does_not_overlap() -> None:
    nftables = FakeNftables()
    nftables.run(GIVEN)
    nftables.run("add element inet t four { 11.0.0.0, 11.0.0.10, 9.0.0.0/8 }")
    assert len(nftables.tables["inet t"].sets["four"].intervals) == 5
