"""12,000 damaged configuration files, the same in every run: each is read or refused, and a refused one changes nothing.

They grow from files that people write. A damage is small, so that most of them get past the YAML parser; several on
top of each other are not.
"""

import random
from collections.abc import Iterator

from wayhome.agent.holding import Basis, Holding
from wayhome.agent.reading import Present
from wayhome.kernel import Masquerade, ruleset_of
from wayhome.kernel.text import render
from wayhome.policy import Packet, Settings, parse
from wayhome.policy.findings import MOST

FILES = [
    b"nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n  - 10.1.0.0/16\nresyncInterval: 60s\n",
    b"nonMasqueradeCIDRs: [10.0.0.0/8, 192.168.0.0/16]\nmasqueradeCIDRs: [10.2.0.0/16]\ncidrLimit: 64\n",
    b'{"NonMasqueradeCIDRs": ["10.0.0.0/8", "fd00::/8"], "MASQLINKLOCAL": true, "masqLinkLocalIPv6": false}',
    b"x: &ranges [10.0.0.0/8, 0.0.0.0/0]\ny: &y {cidrLimit: 0x40}\n<<: *y\nnonMasqueradeCIDRs: *ranges\n",
    b"---\nnonMasqueradeCIDRs: !!seq [ '::/0', \"fd00:\\x31::/32\" ] # a comment\nresyncInterval: 1h1.5m\n...\n",
    b"nonMasqueradeCIDRs: |\n  172.16.0.0/16\nmasqLinkLocal: yes\n",
    "nonMasqueradeCIDRs: [10.0.0.0/8] # für\n".encode("utf-16"),
]
PIECES = [
    b"nonMasqueradeCIDRs", b"masqueradeCIDRs", b"cidrLimit", b"masqLinkLocal", b"resyncInterval", b"10.0.0.0/8",
    b"fd00::/8", b"::ffff:1.2.3.4/128", b"/032", b"60s", b"0x", b"1e9", b"-1", b"true", b"~", b"null", b"<<: *y\n",
    b"<<: 1\n", b"&a ", b"*a", b"!!int ", b"!!float ", b"!!null ", b"!!binary ", b"!<x> ", b"? ", b": ", b"- ", b"\n",
    b"\t", b"  ", b"[", b"]", b"{", b"}", b",", b"|", b">", b"'", b'"', b"#", b"%YAML 1.1\n", b"---\n", b"...\n",
    b"\xff", b"\0", b"\x1b", b"\r", "\u2028".encode(), "\u202e".encode(), b"\\ud800", b"\xef\xbb\xbf",
]  # fmt: skip


def damaged(choose: random.Random) -> bytes:
    data = bytearray(choose.choice(FILES))
    for _ in range(choose.choice([1, 1, 1, 2, 3, 5, 8])):
        at, to = sorted(choose.choices(range(len(data) + 1), k=2))
        kind = choose.randrange(6)
        if kind == 0:
            data[at:at] = choose.choice(PIECES)
        elif kind == 1:
            data[at:to] = choose.choice(PIECES)
        elif kind == 2:
            data[at : at + choose.randrange(4)] = b""
        elif kind == 3:  # one character, often repeated very often
            data[at:at] = bytes(data[at : at + 1]) * choose.choice([1, 3, 40, 5000])
        elif kind == 4:  # a piece of the file again, somewhere else
            data[choose.randrange(len(data) + 1) : 0] = data[at:to]
        elif data:
            data[at % len(data)] ^= 1 << choose.randrange(8)
    return bytes(data)


def files(count: int) -> Iterator[bytes]:
    choose = random.Random(2026)
    return (damaged(choose) for _ in range(count))


def test_a_damaged_file_is_read_or_refused_and_a_refused_one_leaves_the_last_good_policy() -> None:
    holdings = [(Settings(ipv6=ipv6), Holding(Settings(ipv6=ipv6))) for ipv6 in (False, True)]
    good = [holding.observe(Present(FILES[0]), 0).configuration for _, holding in holdings]
    refused = accepted = 0
    for number, data in enumerate(files(12_000)):
        settings, holding = holdings[number % 2]
        parsed = parse(data, settings)
        assert (parsed.configuration is None) is bool(parsed.errors), data
        assert len(parsed.findings) <= 2 * (MOST + 1)
        for finding in parsed.findings:
            assert str(finding).isprintable(), data
            assert len(str(finding)) < 400, data
        held = holding.observe(Present(data), 0)
        if parsed.configuration is None:
            assert held.basis is Basis.LAST_GOOD
            assert held.configuration is good[number % 2]
            assert held.rejected == parsed.errors
            refused += 1
        elif data.strip():
            assert held.basis is Basis.CONFIGURATION
            good[number % 2] = held.configuration
            policy = held.configuration.policy
            assert render(ruleset_of(policy, Masquerade()))
            for family in policy.families:
                for interval in policy.intervals(family):
                    assert policy.entry_for(family, interval.last) is interval.entry
                policy.decide(Packet(family, family.last))
            accepted += 1
    # Both ways are worth the name of a test.
    assert refused > 3000
    assert accepted > 2000
