"""A case that is up: what its exports describe, the programs that its agents need, and what is typed in it."""

from dataclasses import dataclass, replace
from pathlib import Path

from wayhome.clouds.compile import compile_estate
from wayhome.lab import files
from wayhome.lab.case import Case, Command, Phase
from wayhome.lab.programs import Program, ProgramError
from wayhome.lab.running_agents import PATIENCE_SECONDS
from wayhome.lab.running_estate import RunningEstate


@dataclass(frozen=True, slots=True)
class CommandRun:
    """A command that was run: its exit status, and all that it printed."""

    command: Command
    status: int
    output: str

    @property
    def as_expected(self) -> bool:
        """Whether it ended and said what it was expected to. Lines may be broken anywhere between words."""
        said = " ".join(self.output.split())
        return self.status == self.command.status and all(
            text in said for text in self.command.shows
        )


class RunningCase(RunningEstate):
    """Build it as it is in a phase; `folder` takes the volumes, states and logs."""

    def __init__(self, case: Case, folder: Path, phase: Phase) -> None:
        """Start everything. Raises OSError, ProgramError, NodeNameError, NetworkError."""
        for name, content in case.files.items():
            files.write(folder / name, content)
        estate = case.estate_in(phase)
        super().__init__(estate, compile_estate(estate), folder)
        self.case = case
        self._folder = folder
        try:
            self._start_services()
            self.serve(map(self.node, case.servers))
            self.start_agents(case.make_agent)
        except BaseException:
            self.close()
            raise

    def _start_services(self) -> None:
        for service in self.case.make_services(self._folder):
            program, ready = service.program, service.ready
            started = self.network.start(replace(program, node=self.node(program.node)))
            started.wait_until(lambda text, ready=ready: ready in text, PATIENCE_SECONDS)  # type: ignore[misc]
        for command in self.case.prepare:
            done = self.run(command)
            if not done.as_expected:
                raise ProgramError(f"`{command.shown}` ended with {done.status}:\n{done.output}")

    def configure(self, phase: Phase) -> bool:
        """Show the agents the ConfigMaps that a phase has. Returns whether that changed any volume."""
        return self.agents.configure(self.case.estate_in(phase))

    def run(self, command: Command) -> CommandRun:
        """Run a command to its end, in the lab's folder. Raises OSError."""
        node = self.node(command.node)
        program = Program(node, "command", command.argv, command.environment, self._folder)
        status, output = self.network.run(program, PATIENCE_SECONDS)
        return CommandRun(command, status, output)
