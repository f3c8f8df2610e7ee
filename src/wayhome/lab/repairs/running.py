"""One repair in a lab: its network is built, its programs run, and what is asked in it is compared with what was said.

On the nodes run the cluster's agents, on both ends the project's server, and where the repair has proxies, real nginx.
Nothing here decides an outcome: it is measured, and stands beside what the tracer predicts and what a case claims. Where
flows are spread over equals, each may go any way of several, and what is said of the way that it went is what counts.
"""

import asyncio
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path

from wayhome.lab.case import Expected, Phase
from wayhome.lab.compiled.asked import Asked
from wayhome.lab.cut import buildable
from wayhome.lab.demo import PhaseOutcome, ProbeOutcome
from wayhome.lab.prediction import predict_ways
from wayhome.lab.prober import Prober, Relayed, Request
from wayhome.lab.repairs.balancers import Backend
from wayhome.lab.repairs.claims import Claims
from wayhome.lab.repairs.demonstration import Ask, Demonstration
from wayhome.lab.repairs.health import check_flow, checks_from
from wayhome.lab.repairs.nginx import kill, start_nginx
from wayhome.lab.repairs.outcome import RepairOutcome
from wayhome.lab.repairs.stream import Stream
from wayhome.lab.repairs.survival import Survival, survive
from wayhome.lab.running_estate import RunningEstate
from wayhome.prefixes import Family
from wayhome.probe.observation import Observation
from wayhome.probe.observation import Protocol as Probed


def show(shown: Demonstration, claims: Claims | None, folder: Path) -> RepairOutcome:
    """Build it, ask, and take it down. Raises OSError, ProgramError. `folder` is for it alone."""
    folder.mkdir(parents=True)
    with RunningRepair(shown, folder) as running:
        probes = (
            *running.ask(shown.asked, claims.of_asked(shown) if claims else ()),
            *running.ask(shown.reverse, claims.of_reverse(shown) if claims else ()),
        )
        survivals = running.survivals()
        endings = running.network.endings()
    phase = Phase(shown.kind, shown.title, None, {probe.row: probe.expected for probe in probes})
    outcome = PhaseOutcome(phase, probes, None, 0, endings=endings)
    return RepairOutcome(
        shown.kind, shown.network, outcome, shown.control, survivals, tuple(running.nginx), running.cut
    )  # fmt: skip


class RunningRepair(RunningEstate):
    """The network of a demonstration, with all programs."""

    def __init__(self, shown: Demonstration, folder: Path) -> None:
        """Build and start, and wait until everything is ready. Raises OSError, ProgramError, cut.TooLargeError."""
        self._shown = shown
        self.cut = buildable(shown.network, list(_wanted(shown)))
        super().__init__(shown.estate, shown.network, folder, self.cut.network)
        try:
            self.start_agents()
            self._serve_ends()
            self.nginx = {
                proxy.host: start_nginx(self.network, proxy, proxy.host) for proxy in shown.proxies
            }
            self.wait_until_ready()
            self._prober = Prober(self.network)
        except BaseException:
            super().close()
            raise

    def _serve_ends(self) -> None:
        """A server for each port; the greeting is that of a node's first."""
        family = self._shown.asked.source.family
        everywhere = "::" if family is Family.IPV6 else "0.0.0.0"  # noqa: S104 (in a lab)
        greeting: set[str] = set()
        for node, port in self._shown.servers:
            other = ("--greeting-port", "0") if node in greeting else ()
            greeting.add(node)
            self.serve([node], "--address", everywhere, "--http-port", str(port), *other)

    def ask(self, ask: Ask, claimed: Sequence[Expected]) -> tuple[ProbeOutcome, ...]:
        """Ask in each way, all at once. Without claims, what is predicted is what is expected. Raises OSError."""
        requests = [
            Request(
                ask.at,
                ask.row.address,
                how,
                ask.port_of(how),
                own=ip_address(str(ask.source)),
                relayed=self._relayed(ask, how),
            )
            for how in ask.protocols
        ]
        seen = self._prober.probe(requests)
        return tuple(
            self._outcome(ask, how, claimed, observation)
            for how, observation in zip(ask.protocols, seen, strict=True)
        )

    def _outcome(
        self, ask: Ask, how: Probed, claimed: Sequence[Expected], seen: Observation
    ) -> ProbeOutcome:
        predicted = predict_ways(self._shown.network, ask.flow(how), ask.at)
        said = _closest(predicted, seen)
        return ProbeOutcome(
            ask.row,
            _closest(claimed, seen) if claimed else said,
            said,
            seen,
            self.network.sees_drops,
        )

    def _relayed(self, ask: Ask, how: Probed) -> Relayed | None:
        """Where proxies that have the asked address connect to: all of a repair's have one and the same upstream."""
        network, flow = self._shown.network, ask.flow(how)
        found = {
            node.name: listener
            for node in network.owners(flow.destination)
            for listener in node.listeners
            if (listener.protocol, listener.port) == (flow.protocol, flow.port)
        }
        if not found:
            return None
        target = next(iter(found.values())).upstreams[0]
        port = target.port or flow.port or 0
        return Relayed(frozenset(found), ip_address(str(target.address)), port)

    def survivals(self) -> tuple[Survival, ...]:
        """Let one of each balanced group of proxies die. Raises OSError."""
        asked = self._shown.asked
        how = asked.protocols[0]
        found = []
        for balancer in self._shown.balancers:
            stream = Stream(
                self.network.namespace(asked.at), asked.row.address, how, asked.port_of(how) or 0
            )
            found.append(asyncio.run(survive(self.network, balancer, stream, self._kill)))
        return tuple(found)

    def _kill(self, backend: Backend) -> None:
        kill(self.network, self.nginx[backend.node])

    def close(self) -> None:
        """End it."""
        self._prober.close()
        super().close()


def _wanted(shown: Demonstration) -> Iterator[Asked]:
    """All flows that are to be tried: what a large network is cut to."""
    for ask in (shown.asked, shown.reverse):
        for how in ask.protocols:
            yield Asked(ask.flow(how), ask.at)
    for balancer in shown.balancers:
        yield Asked(check_flow(balancer), checks_from(balancer))


def _closest(said: Sequence[Expected], seen: Observation) -> Expected:
    """Of several that may be, the one with the source that was seen."""
    same = (one for one in said if one.source_seen == seen.source_seen)
    return next(same, said[0])
