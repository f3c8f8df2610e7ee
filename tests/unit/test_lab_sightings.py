"""Whose packet was seen: by what it carries inside, and not by what the other side happens to choose."""

import socket
from ipaddress import ip_address

from wayhome.lab.compiled.sightings import Sender, Sightings
from wayhome.lab.marks import SPAN
from wayhome.lab.packets import Packet
from wayhome.trace import Lost

CLIENT, TARGET = map(ip_address, ("172.16.2.2", "10.2.0.1"))


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
