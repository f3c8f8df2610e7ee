"""Whose packet was seen: by what it carries inside, and not by what the other side happens to choose."""

import socket
from dataclasses import replace
from ipaddress import ip_address

from wayhome.lab.compiled.sightings import Relay, Sender, Sightings
from wayhome.lab.marks import SPAN
from wayhome.lab.packets import Packet
from wayhome.trace import Lost

CLIENT, TARGET, OTHER = map(ip_address, ("172.16.2.2", "10.2.0.1", "10.1.0.3"))
TCP, ICMP = socket.IPPROTO_TCP, socket.IPPROTO_ICMP


def test_a_number_that_the_other_side_begins_with_may_look_like_one_of_ours() -> None:
    with socket.socket() as channel:
        sightings = Sightings()
        one, other = (Sender(at, "client", channel, (str(TARGET), 80)) for at in range(2))
        first, foreign = sightings.begins(one), sightings.begins(other)
        answer = Packet(TARGET, CLIENT, socket.IPPROTO_TCP, 80, 40000, foreign + 5, first + 1)
        assert sightings.flow_of(answer) == ((one,), Lost.REPLY)


def test_numbers_that_nobody_of_us_began_with_are_nobodys() -> None:
    with socket.socket() as channel:
        sightings = Sightings()
        first = sightings.begins(Sender(0, "client", channel, (str(TARGET), 80)))
        beyond = Packet(CLIENT, TARGET, socket.IPPROTO_TCP, 40000, 80, (first + SPAN) % (1 << 32))
        assert sightings.flow_of(beyond) is None


def test_a_request_has_the_attempts_numbers_whatever_its_source_became() -> None:
    with socket.socket() as channel:
        sightings = Sightings()
        one = Sender(0, "client", channel, (str(TARGET), 80))
        first = sightings.begins(one)
        for number, whose in ((first, one), (first + SPAN - 1, one), (first - 1, None)):
            seen = sightings.flow_of(Packet(OTHER, TARGET, TCP, 1024, 80, number % (1 << 32)))
            assert seen == (None if whose is None else ((whose,), Lost.FORWARD))


def test_a_repeated_reply_belongs_to_the_attempt_before_and_to_nobody_once_that_is_over() -> None:
    with socket.socket() as channel:
        sightings = Sightings()
        one, later = (Sender(at, "client", channel, (str(TARGET), 80)) for at in range(2))
        first = sightings.begins(one)
        repeated = Packet(TARGET, OTHER, TCP, 80, 1024, 9, first + 1)
        sightings.begins(later)
        assert sightings.flow_of(repeated) == ((one,), Lost.REPLY)
        sightings.forget()
        sightings.begins(later)
        assert sightings.flow_of(repeated) is None


def test_an_echo_is_known_by_its_nonce() -> None:
    with socket.socket() as channel:
        sightings = Sightings()
        one = Sender(0, "client", channel, (str(TARGET), 0))
        sightings.sends(b"n" * 16, one)
        request = Packet(OTHER, TARGET, ICMP, 1, 0, payload=b"n" * 16)
        assert sightings.flow_of(request) == ((one,), Lost.FORWARD)
        reply = Packet(TARGET, OTHER, ICMP, 0, 1, payload=b"n" * 16)
        assert sightings.flow_of(reply) == ((one,), Lost.REPLY)
        assert sightings.flow_of(replace(request, payload=b"m" * 16)) is None


def test_a_socket_that_was_bound_to_no_address_waits_at_all_of_its_nodes() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as channel:
        channel.bind(("0.0.0.0", 0))
        port = channel.getsockname()[1]
        one = Sender(0, "client", channel, (str(TARGET), 80))
        reply = Packet(TARGET, CLIENT, socket.IPPROTO_UDP, 80, port)
        assert one.waits_for(reply, "client")
        assert not one.waits_for(reply, "another node")
        assert not one.waits_for(replace(reply, destination_port=port + 1), "client")
        assert not one.waits_for(replace(reply, source=OTHER), "client")


def test_what_a_relay_sends_has_no_mark_and_is_known_by_where_it_goes() -> None:
    with socket.socket() as channel:
        sightings = Sightings()
        first = sightings.begins(Sender(3, "client", channel, ("10.0.0.5", 80)))
        relay = Relay(3, frozenset({"proxy"}), (str(TARGET), 80))
        sightings.relayed(relay)
        out = Packet(OTHER, TARGET, TCP, 41000, 80, first + SPAN)
        home = Packet(TARGET, OTHER, TCP, 80, 41000, first + 2 * SPAN, first + SPAN + 1)
        assert sightings.flow_of(out) == ((relay,), Lost.FORWARD)
        assert sightings.flow_of(home) == ((relay,), Lost.REPLY)
        assert relay.waits_for(home, "proxy")
        assert not relay.waits_for(home, "client")
        assert sightings.flow_of(replace(out, destination_port=81)) is None
        # What has a mark is the attempt's own, wherever it goes.
        assert sightings.flow_of(replace(out, sequence=first)) != ((relay,), Lost.FORWARD)
        sightings.forget()
        assert sightings.flow_of(out) is None
