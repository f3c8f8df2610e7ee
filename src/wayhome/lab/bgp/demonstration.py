"""The repair `advertise-range` with real BGP, in one network: its Cloud Router announces what each phase's estate says.

The repair is the one that the diagnosis proposes for the exports. Between the phases nothing is built anew and nothing is
started again: BIRD is told to announce something else, and what becomes of packets follows from what it tells the others.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from wayhome.clouds.estate import Estate
from wayhome.clouds.read import read_estate
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.advertise_range import advertise_range
from wayhome.lab.bgp.network import before_bgp, with_host
from wayhome.lab.bgp.phases import (
    ADDRESSES,
    KIND,
    MY_POD,
    OFFICE,
    PODS_TOO,
    SUBNETS_ONLY,
    TARGET,
    THE_OFFICE,
    WITHDRAWN,
)  # fmt: skip
from wayhome.lab.bgp.speaking import Birds
from wayhome.lab.bgp.told import Told
from wayhome.lab.case import Phase
from wayhome.lab.demo import PhaseOutcome, probe_all, wait_for_effect
from wayhome.lab.prediction import predict_in
from wayhome.lab.prober import Prober
from wayhome.lab.running_estate import RunningEstate
from wayhome.network import Address, Network

# There is one copy, `examples/the-case-vpn`; a wheel has it beside this module.
_INSTALLED = Path(__file__).with_name("example")
_IN_THE_REPOSITORY = Path(__file__).parents[4] / "examples/the-case-vpn"
EXPORTS = (_INSTALLED if _INSTALLED.is_dir() else _IN_THE_REPOSITORY) / "exports"


def demonstrate(folder: Path, show: Callable[[PhaseOutcome, Network], None]) -> None:
    """Run all phases, and show each as it is done, with the network that it has. Raises OSError, ProgramError.

    `folder` is for this alone. A phase in which a program ended is the last one.
    """
    shown = phases()
    (_, first), *_ = shown
    with Running(first, folder) as running:
        for phase, told in shown:
            outcome = running.phase(phase, told)
            show(outcome, told.network)
            if outcome.endings:
                return


def phases() -> tuple[tuple[Phase, Told], ...]:
    """Each phase, and what its estate comes to: the exports as they are, with the repair that is proposed, and again."""
    estate = read_estate(EXPORTS)
    question = Question.parse(MY_POD, f"{TARGET}:80")
    answer = Answer.to(estate, question, kinds=(advertise_range,))
    (after,) = [one.after for one in answer.repairs if one.proposal.kind == KIND and one.after]
    exported, repaired = _told(estate), _told(after.estate)
    return (SUBNETS_ONLY, exported), (PODS_TOO, repaired), (WITHDRAWN, exported)


def _told(estate: Estate) -> Told:
    told = Told.of(estate)
    host = Address.parse(str(ADDRESSES[OFFICE]))
    return replace(told, network=with_host(told.network, THE_OFFICE, host))


class Running(RunningEstate):
    """The network before BGP, with the cluster's agents, servers, and BIRD on everybody who speaks it."""

    def __init__(self, told: Told, folder: Path) -> None:
        """Start everything, and wait until it is ready. Raises OSError, ProgramError."""
        files = folder / "bird"
        files.mkdir(parents=True)
        before = before_bgp(told.network, told.speakers)
        super().__init__(told.estate, told.network, folder, before)
        self._prober = Prober(self.network)
        try:
            self.start_agents()
            asked = dict.fromkeys(row.destination for row in SUBNETS_ONLY.expected)
            self.serve(map(self.node, asked))
            self.birds = Birds(self.network, told.speakers, files)
            self.wait_until_ready()
        except BaseException:
            self.close()
            raise

    def phase(self, phase: Phase, told: Told) -> PhaseOutcome:
        """Announce what an estate says, and see what comes of it. Raises OSError, ProgramError."""
        started = time.perf_counter()
        self.birds.announce(told.speakers)
        milliseconds, attempts = None, 0
        if row := phase.takes_effect:
            milliseconds, attempts = wait_for_effect(row, self, self._prober, started)
        self.birds.wait()
        predicted = predict_in(phase, told.estate, told.network).predictions
        probes = probe_all(phase, predicted, self, self._prober)
        endings = self.network.endings()
        return PhaseOutcome(phase, probes, milliseconds, attempts, endings=endings)

    def close(self) -> None:
        """End it."""
        self._prober.close()
        super().close()
