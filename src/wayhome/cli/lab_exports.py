"""What several commands of `wayhome lab` do with a directory of exports: read it, and find out which flows are meant."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wayhome.cli.exports import read_exports
from wayhome.clouds.compile import compile_estate
from wayhome.clouds.endpoints import EndpointError
from wayhome.clouds.estate import Estate
from wayhome.diagnosis.question import Question, ask
from wayhome.lab.compiled import Asked
from wayhome.network import Network, NetworkError, Protocol


class QuestionError(Exception):
    """What was asked cannot be; the lines say why."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Exports:
    """What a directory of exports describes."""

    estate: Estate
    network: Network

    @classmethod
    def read(cls, directory: Path) -> "Exports":
        """Read and compile it, and say what is wrong with its files. Raises QuestionError."""
        return cls.of(read_exports(directory))

    @classmethod
    def of(cls, estate: Estate) -> "Exports":
        """Compile an estate. Raises QuestionError."""
        try:
            return cls(estate, compile_estate(estate))
        except NetworkError as error:
            problems = (f"the exports contradict each other: {one}" for one in error.problems)
            raise QuestionError(*problems) from None

    def flow(self, source: str, destination: str, protocol: Protocol | None = None) -> Asked:
        """`SOURCE DESTINATION[:PORT]` as a flow. Raises QuestionError."""
        try:
            question = Question.parse(source, destination, protocol)
            asked = ask(self.estate, self.network, question)
        except EndpointError as error:
            raise QuestionError(str(error)) from None
        return Asked(asked.flow, asked.source.node)

    def flows(self, pairs: Iterable[tuple[str, str]]) -> list[Asked]:
        """Several. Raises QuestionError."""
        return [self.flow(*pair) for pair in pairs]
