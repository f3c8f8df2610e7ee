"""A case that is up: its network, its servers, its agents and the ConfigMap volumes that they watch.

The network is that of the exports, without what the agents do (`agents`). What the agents need comes first. Then
everything starts at once and is waited for: servers until they listen, agents until they have applied a policy. In
between there is time for other things.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.endpoints import names
from wayhome.lab import files
from wayhome.lab.agents import agents_in, without_agents
from wayhome.lab.case import Case, Command, Phase
from wayhome.lab.compiled import BuiltNetwork
from wayhome.lab.node_names import NodeNames
from wayhome.lab.programs import Program, ProgramError
from wayhome.lab.running_agents import PATIENCE_SECONDS, RunningAgents
from wayhome.probe.server import LISTENING


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


class RunningCase:
    """Build it as it is in a phase; `folder` takes the volumes, states and logs."""

    def __init__(self, case: Case, folder: Path, phase: Phase) -> None:
        """Start everything. Raises OSError, ProgramError, NodeNameError, NetworkError."""
        self.case = case
        self._folder = folder
        estate = case.estate_in(phase)
        self.compiled = compile_estate(estate)
        self._names = NodeNames.of(self.compiled, names(estate, self.compiled))
        self.agents = RunningAgents(agents_in(estate, self.compiled), folder)
        self.agents.configure(estate)
        for name, content in case.files.items():
            files.write(folder / name, content)
        built = without_agents(self.compiled, self.agents.agents)
        self.network = BuiltNetwork(built, _made(folder / "logs"))
        try:
            self._start_services()
            self._servers = [self.network.start(_server(self.node(name))) for name in case.servers]
            self.agents.start(self.network, case.make_agent)
        except BaseException:
            self.network.close()
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

    def wait_until_ready(self) -> None:
        """Wait until the servers listen and the agents have applied a policy. Raises ProgramError."""
        for server in self._servers:
            server.wait_until(lambda text: LISTENING in text, PATIENCE_SECONDS)
        self.agents.wait_until_applied()

    def node(self, name: str) -> str:
        """The full name of the node that people call so. Raises NodeNameError."""
        return self._names.find(name)

    def configure(self, phase: Phase) -> bool:
        """Show the agents the ConfigMaps that a phase has. Returns whether that changed any volume."""
        return self.agents.configure(self.case.estate_in(phase))

    def run(self, command: Command) -> CommandRun:
        """Run a command to its end, in the lab's folder. Raises OSError."""
        node = self.node(command.node)
        program = Program(node, "command", command.argv, command.environment, self._folder)
        status, output = self.network.run(program, PATIENCE_SECONDS)
        return CommandRun(command, status, output)

    def close(self) -> None:
        """End it."""
        self.network.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _server(node: str) -> Program:
    return Program(node, "server", (sys.executable, "-m", "wayhome.probe.server"))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
