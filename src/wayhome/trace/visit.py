"""One packet at one node: what becomes of it between the port by which it comes and the port by which it leaves.

The order is a kernel's, and stands in `network.node`. What ends the packet is raised as `Ended`, so that the way of a
packet that goes on can be read from top to bottom.
"""

from dataclasses import replace
from typing import NoReturn

from wayhome.network import (
    Address,
    Drop,
    End,
    Evidence,
    Filter,
    FilterAction,
    Missing,
    Opaque,
    Place,
    Port,
)
from wayhome.trace.filtering import decide
from wayhome.trace.forks import Forks
from wayhome.trace.hop import (
    APPLY_ROUTE,
    ARRIVE,
    DELIVER,
    NAT,
    OPAQUE,
    SKIP_MASQUERADING,
    START,
    START_ELSEWHERE,
    Step,
    dropped,
)
from wayhome.trace.packet import Packet
from wayhome.trace.routing import find_routes, pick_route, resolve
from wayhome.trace.tracking import Connection, Direction, Tracking
from wayhome.trace.translating import Leaving, destination_rule, pick_target, source_of

_SENT_HERE: frozenset[str] = frozenset()


class Ended(Exception):  # noqa: N818 (no error: most packets that are asked about end somewhere)
    """The packet does not go on: it was dropped, or nobody knows."""

    def __init__(self, by: Drop | Missing) -> None:
        super().__init__()
        self.by = by


class Visit:
    """A packet at a node. `steps` grow while it is there; `packet` is what it looks like at the moment.

    `led_to` is the port that its route names, once it has one.
    """

    def __init__(
        self,
        place: Place,
        entered: Port | None,
        packet: Packet,
        tracking: Tracking,
        forks: Forks,
        *,
        is_reply: bool,
    ) -> None:
        """With no port to enter by, the node itself sends it."""
        self.place = place
        self.node = place.node
        self.entered = entered
        self.packet = packet
        self.steps: list[Step] = []
        self.led_to: str | None = None
        self._arrived = packet
        self._is_reply = is_reply
        self._is_new = False
        self._mark = 0
        self._tracking = tracking
        self._forks = forks
        self._connection: tuple[Connection, Direction] | None = None

    def go_on(self) -> Port | None:
        """The port by which it leaves; None where it ends at its destination. Raises Ended."""
        if self.entered is None:
            start = START.get(self.node.kind, START_ELSEWHERE)
            self._say(start, str(self.packet), self.node.evidence)
        if self.node.not_running:
            self._drop(self.node.not_running)
        if self.entered:
            self._permitted(self.entered, self.packet.source, "enter")
        self._translate_inward()
        if self.entered:
            self._filter(self.entered, self.entered.filter_in)
        if self.node.opaque:
            self._unknown(self.node.opaque)
        if self.place.is_local(self.packet.destination):
            self._deliver()
            return None
        if self.entered and not self.node.forwards:
            self._drop(self.node.not_forwarding)
        port = self._route()
        self.led_to = port.name
        self._filter(port, port.filter_out)
        self._permitted(port, self.packet.destination, "leave")
        self._translate_outward(port)
        return port

    def _permitted(self, port: Port, address: Address, direction: str) -> None:
        if port.permitted is not None and address not in port.permitted:
            detail = f"{address} may not {direction} by port {port.name}"
            self._drop(Drop(port.spoofed, detail, port.permitted_evidence))

    def _filter(self, port: Port, filter_: Filter | None) -> None:
        end = End(self.node.name, port.name)
        if filter_ is not None:
            if filter_.stateful and self._tracking.is_reply(end, self.packet):
                self._say(filter_.step, "TRACKING_STATE: the reply of what this port let pass")
            else:
                self._decide(port, filter_)
        if port.tracks:
            self._tracking.let_pass(end, self.packet)

    def _decide(self, port: Port, filter_: Filter) -> None:
        answer = decide(filter_, self.packet, self._forks)
        evidence = answer.rule.evidence if answer.rule else filter_.default_evidence
        by = f"at port {port.name}" if answer.rule else f"at port {port.name}, by default"
        if answer.action is FilterAction.DENY:
            self._drop(Drop(filter_.cause, f"{filter_.step} {by}", evidence))
        self._say(filter_.step, f"allowed {by}", evidence)

    def _translate_inward(self) -> None:
        if not self.node.translates:
            return
        self._connection = self._tracking.connection(self.node.name, self.packet)
        if self._connection:
            connection, direction = self._connection
            self._become(connection.inward(self.packet, direction), _again(direction))
            return
        self._is_new = not self._is_reply or self.place.replies_open(self.packet.protocol)
        if not self._is_new:
            return
        rule = destination_rule(self.node, self.packet, self.entered)
        if rule is None:
            return
        self._mark = rule.mark or 0
        if isinstance(rule.action, Drop):
            self._drop(rule.action)
        target = pick_target(rule.action, self._forks)
        port = self.packet.destination_port if target.port is None else target.port
        self._become(self.packet.to(target.address, port), rule.step, rule.evidence)

    def _translate_outward(self, port: Port) -> None:
        if not self.node.translates:
            return
        if self._connection:
            if self._connection[1] is Direction.REPLY and self.packet == self._arrived:
                self._say(SKIP_MASQUERADING, "NO_MASQUERADING_FOR_RETURN_PACKET")
            self._outward(*self._connection)
            return
        if not self._is_new:
            return
        leaving = Leaving(self.packet, port, self.entered is None, self._mark)
        found = source_of(self.place, leaving, self._forks, self.steps)
        if isinstance(found, Drop):
            self._drop(found)
        if found:
            address, rule = found
            port_chosen = self._tracking.choose_port(self.packet.source_port)
            changed = self.packet.sent_from(address, port_chosen)
            self._become(changed, rule.step, rule.evidence)
        self._tracking.confirm(self.node.name, Connection(self._arrived, self.packet))

    def _outward(self, connection: Connection, direction: Direction) -> None:
        self._become(connection.outward(self.packet, direction), _again(direction))

    def _become(self, changed: Packet, why: str, evidence: Evidence | None = None) -> None:
        if changed != self.packet:
            kind = "" if why == NAT else f"{why}: "
            self._say(NAT, f"{kind}{self.packet} becomes {changed}", evidence)
            self.packet = changed

    def _route(self) -> Port:
        ingress = self.entered.ingress_class if self.entered else _SENT_HERE
        local = self.entered is None
        routes = find_routes(self.place, self.packet, ingress, self._mark, local=local)
        if not routes:
            self._drop(self.node.no_route)
        route = pick_route(routes, self._forks)
        way = resolve(route.action, self.place, self.packet, self._forks)
        if isinstance(way, Drop):
            self._drop(way if way.evidence else replace(way, evidence=route.evidence))
        if isinstance(way, Opaque):
            self._unknown(way.missing)
        detail = f"{route.kind} {route.destination} by port {way}"
        self._say(APPLY_ROUTE, detail, route.evidence)
        return self.place.ports[way]

    def _deliver(self) -> None:
        if self._connection:
            self._outward(*self._connection)
        elif self._is_new:
            self._tracking.confirm(self.node.name, Connection(self._arrived, self.packet))
        if self.entered and self.node.kind in ARRIVE:
            self._say(ARRIVE[self.node.kind])
        self._say(DELIVER, str(self.packet.destination), self.node.evidence)

    def _say(self, kind: str, detail: str = "", evidence: Evidence | None = None) -> None:
        self.steps.append(Step(kind, detail, evidence))

    def _drop(self, drop: Drop) -> NoReturn:
        self.steps.append(dropped(drop))
        raise Ended(drop)

    def _unknown(self, missing: Missing) -> NoReturn:
        self._say(OPAQUE, missing.fact, self.node.evidence)
        raise Ended(missing)


def _again(direction: Direction) -> str:
    return "undone" if direction is Direction.REPLY else "as before"
