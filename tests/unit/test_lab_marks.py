import errno
import random
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network
from itertools import islice

import pytest

from wayhome.lab import refusal
from wayhome.lab.marks import SPAN, Mark, first_sequences
from wayhome.lab.packets import Packet
from wayhome.lab.topology import DropRoute, Node, Port, Route
from wayhome.probe.flow import Flow, identifiers
from wayhome.probe.observation import Leg

TARGET, OTHER = map(ip_address, ("10.2.0.1", "10.1.0.3"))
TCP, UDP, ICMP = 6, 17, 1
FIRST = 5 * SPAN
HTTP = Mark(Flow(TCP, TARGET, 80), b"", FIRST)
LATER = Mark(Flow(TCP, TARGET, 80), b"", FIRST + SPAN)
ECHO = Mark(Flow(ICMP, TARGET, 0), b"n" * 16, 0)

SYN = Packet(OTHER, TARGET, TCP, 1024, 80, sequence=FIRST)
SYN_ACK = Packet(TARGET, OTHER, TCP, 80, 1024, sequence=9, acknowledgement=FIRST + 1)


def test_a_request_has_the_attempts_numbers_whatever_its_source_became() -> None:
    assert HTTP.leg(SYN) is Leg.REQUEST
    assert HTTP.leg(replace(SYN, sequence=FIRST + SPAN - 1)) is Leg.REQUEST
    assert HTTP.leg(replace(SYN, sequence=FIRST - 1)) is None
    assert HTTP.leg(replace(SYN, sequence=FIRST + SPAN)) is None


def test_a_reply_acknowledges_the_attempts_numbers() -> None:
    assert HTTP.leg(SYN_ACK) is Leg.REPLY
    assert LATER.leg(SYN_ACK) is None  # a repeated reply to the attempt before it
    assert HTTP.leg(replace(SYN_ACK, acknowledgement=FIRST + SPAN + 1)) is None
    assert HTTP.leg(replace(SYN_ACK, acknowledgement=None)) is None
    assert HTTP.leg(replace(SYN_ACK, sequence=FIRST, acknowledgement=9)) is None


def test_the_numbers_of_an_attempt_may_begin_anew_at_zero() -> None:
    last = replace(HTTP, first_sequence=2**32 - SPAN // 2)
    assert last.leg(replace(SYN, sequence=3)) is Leg.REQUEST
    assert last.leg(replace(SYN, sequence=SPAN)) is None


def test_another_target_port_or_transport_is_another_flow() -> None:
    assert HTTP.leg(replace(SYN, destination=OTHER)) is None
    assert HTTP.leg(replace(SYN, destination_port=23)) is None
    assert HTTP.leg(replace(SYN_ACK, source_port=23)) is None
    assert HTTP.leg(replace(SYN, transport=UDP)) is None


def test_an_echo_is_known_by_its_nonce() -> None:
    request = Packet(OTHER, TARGET, ICMP, 1, 0, payload=ECHO.nonce)
    reply = Packet(TARGET, OTHER, ICMP, 0, 1, payload=ECHO.nonce)
    assert (ECHO.leg(request), ECHO.leg(reply)) == (Leg.REQUEST, Leg.REPLY)
    assert ECHO.leg(replace(request, payload=b"m" * 16)) is None
    assert ECHO.leg(replace(reply, payload=ECHO.nonce + b"more")) is None


def test_no_two_attempts_share_a_number_and_none_begins_with_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(random, "randrange", lambda *_: 2**32 - 2 * SPAN)
    assert list(islice(first_sequences(), 4)) == [2**32 - 2 * SPAN, 2**32 - SPAN, SPAN, 2 * SPAN]


def test_identifiers_do_not_come_again_soon_and_stay_in_the_ephemeral_range() -> None:
    fresh = identifiers()
    taken = [next(fresh) for _ in range(60999 - 32768 + 1)]
    assert len(set(taken)) == len(taken)
    assert (min(taken), max(taken)) == (32768, 60999)


NODE = Node(
    name="node",
    ports=(Port(name="eth0", addresses=(ip_interface("10.1.0.3/24"),)),),
    routes=(
        Route(destination=ip_network("10.2.0.0/16"), port="eth0"),
        DropRoute(destination=ip_network("10.0.0.0/8"), cause="short"),
        DropRoute(destination=ip_network("10.2.0.0/24"), cause="long"),
    ),
)
REFUSED = [
    ("10.2.0.1", errno.EINVAL, "long"),
    ("10.9.0.1", errno.EINVAL, "short"),
    ("10.2.1.1", errno.EINVAL, None),  # the topology has a way: it is something else
    ("192.0.2.1", errno.ENETUNREACH, "no-route"),
    ("10.9.0.1", errno.ENETUNREACH, None),
    ("192.0.2.1", errno.EINVAL, None),
    ("10.2.0.1", errno.EPERM, None),
]


@pytest.mark.parametrize(("destination", "error", "cause"), REFUSED)
def test_only_the_longest_route_explains_an_error(
    destination: str, error: int, cause: str | None
) -> None:
    assert refusal.cause(NODE, ip_address(destination), error) == cause
