"""A cause's scenario: a case of the corpus, the diagnosis of its exports, and a lab that is built from the same ones."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.golden.corpus import golden
from tests.lab.causes import tracked

from wayhome.clouds.estate import Estate
from wayhome.clouds.read import read_estate
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.cause import Cause, Found
from wayhome.diagnosis.question import Question
from wayhome.lab.compiled import Asked, LabNetwork, Seen
from wayhome.lab.compiled.held import held_in
from wayhome.lab.programs import environment
from wayhome.network import Network, Protocol

SOURCE_PROJECT = "projects/source-project"
NODE_02 = f"{SOURCE_PROJECT}/zones/asia-northeast1-a/instances/gke-node-02"
TARGET = "projects/destination-project/zones/asia-northeast1-a/instances/target-gce-01"


@dataclass(frozen=True)
class Scenario:
    """The exports, and what `why` answers."""

    exports: Path
    question: Question
    answer: Answer

    @classmethod
    def of(cls, case: str, directory: Path) -> "Scenario":
        """Make the exports of a case of the corpus, and ask what it asks."""
        folder = Path(__file__).parents[2] / "golden" / case
        source, destination, *protocol = json.loads((folder / "case.json").read_text())["ask"]
        question = Question.parse(source, destination, Protocol(protocol[1]) if protocol else None)
        exports = golden(case, directory / case)
        return cls(exports, question, Answer.to(read_estate(exports), question))

    def again(self) -> "Scenario":
        """The same question, with the exports as they are now."""
        return replace(self, answer=Answer.to(read_estate(self.exports), self.question))

    @property
    def cause(self) -> Cause | None:
        """The one cause that is named."""
        return self.answer.found.cause if self.answer.found else None

    @property
    def found(self) -> Found:
        """What is said of it."""
        assert self.answer.found is not None
        return self.answer.found

    @property
    def estate(self) -> Estate:
        """What was exported."""
        return self.answer.situation.estate

    @property
    def network(self) -> Network:
        """The network that it makes."""
        return self.answer.situation.network

    @property
    def asked(self) -> Asked:
        """The flow in question."""
        situation = self.answer.situation
        return Asked(situation.trace.flow, situation.asked.source.node)

    def lab(self) -> LabNetwork:
        """The network out of namespaces, with the rules that its nodes hold themselves."""
        lab = LabNetwork(self.network, own=held_in(self.estate, self.network))
        assert lab.built.refused == {}
        return lab


Make = Callable[[str], Scenario]


UNSEEN_SECONDS = 0.7
"""How long to wait for an answer that does not come, and of whose end no rule tells: the kernel itself drops it."""


def ask(lab: LabNetwork, asked: Asked, source_port: int | None = None) -> Seen:
    """Ask about one flow, from any port or from this one."""
    (seen,) = lab.ask([replace(asked, flow=replace(asked.flow, source_port=source_port))])
    return seen


def ask_in_vain(lab: LabNetwork, asked: Asked) -> Seen:
    """Ask about one flow that the kernel is to lose without a word."""
    (seen,) = lab.ask([asked], UNSEEN_SECONDS)
    assert (seen.reached, seen.cause) == (False, None)
    return seen


def run(lab: LabNetwork, node: str, *argv: str, status: int | None = 0) -> str:
    """What a program on a node prints. It has to end with this status, if one is given."""
    with lab.built.namespace(node).entered():
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment())
    assert status in (None, done.returncode), done.stdout + done.stderr
    return done.stdout


def confirmed(lab: LabNetwork, node: str, found: Scenario) -> str:
    """What the command prints that the diagnosis names to confirm its cause, on the node that it names."""
    return run(lab, node, "sh", "-c", found.found.confirm)


def collected(lab: LabNetwork, found: Scenario) -> Scenario:
    """Let `wayhome collect` ask the Pod's node itself, with the node's real programs, and ask the question again."""
    collect = ("-m", "wayhome", "collect", str(found.exports), "--node", "gke-node-02", "--run")
    run(
        lab, NODE_02, sys.executable, *collect, status=None
    )  # 1 where conntrack(8) is not installed
    (found.exports / "nodes/gke-node-02/conntrack.txt").write_text(tracked.listed(lab, NODE_02))
    return found.again()
