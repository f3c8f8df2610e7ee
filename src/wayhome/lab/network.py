"""A lab that is up: a network namespace for each node, wired, routed and filtered as its topology says.

The caller has left the host before (`namespaces.enter`). The namespaces are held by descriptors and by the programs
in them, so a lab ends with its process, however that ends; `close` ends it in an orderly way.
"""

import subprocess
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from wayhome.lab import links, programs, rules, sysctls
from wayhome.lab.drops import DropLog
from wayhome.lab.filters import TABLE
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.programs import Program, ProgramError, RunningProgram
from wayhome.lab.topology import Topology, TopologyError, unknown_node


class Network:
    """A built topology.

    `drop_logs` show what dies, on each node that can drop. Where this machine's kernel cannot log drops, they are
    empty: `sees_drops` is false, and a lost probe then ends by its time-out.
    """

    def __init__(self, topology: Topology, output: Path) -> None:
        """Build it. What programs print goes to files in the folder `output`. Raises OSError, ProgramError."""
        self.topology = topology
        self.output = output
        self.programs: list[RunningProgram] = []
        self.drop_logs: list[DropLog] = []
        self.sees_drops = True
        self._held = ExitStack()
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        self.namespaces = {
            node.name: self._held.enter_context(NetworkNamespace.create())
            for node in self.topology.nodes
        }
        for node in self.topology.nodes:
            with self.namespaces[node.name].entered():
                sysctls.apply(node)
        links.connect(self.topology, self.namespaces)
        for node in self.topology.nodes:
            with self.namespaces[node.name].entered():
                links.configure(node)
        for node in self.topology.nodes:
            with self.namespaces[node.name].entered():
                links.wait_until_ready(node)
        self._filter_and_watch()

    def _filter_and_watch(self) -> None:
        try:
            self._load_rules(log=True)
            for node in self.topology.nodes:
                if rules.render(node):
                    self.drop_logs.append(DropLog(node.name, self.namespaces[node.name]))
        except (OSError, ProgramError):
            # No nfnetlink_log in this kernel: the drops stay counted. Whatever else is wrong fails again here.
            self._stop_watching()
            self.sees_drops = False
            self._load_rules(log=False)

    def _load_rules(self, *, log: bool) -> None:
        for node in self.topology.nodes:
            if text := rules.render(node, log=log):
                anew = f"add table inet {TABLE}\ndelete table inet {TABLE}\n"
                with self.namespaces[node.name].entered():
                    programs.run(("nft", "-f", "-"), anew + text)

    def namespace(self, node: str) -> NetworkNamespace:
        """The network of a node. Raises TopologyError, which names the nodes."""
        try:
            return self.namespaces[node]
        except KeyError:
            raise TopologyError(unknown_node(node, self.namespaces)) from None

    def start(self, program: Program) -> RunningProgram:
        """Start a program on its node. Raises OSError, TopologyError."""
        output = self.output / f"{program.node}.{program.name}.log"
        running = programs.start(program, self.namespace(program.node), output)
        self.programs.append(running)
        return running

    def run(self, program: Program, seconds: float) -> tuple[int, str]:
        """Run a program on its node to its end. Returns its exit status and what it printed.

        One that does not end in time is ended. Raises OSError, TopologyError.
        """
        with tempfile.TemporaryDirectory(dir=self.output) as folder:
            output = Path(folder, "output")
            running = programs.start(program, self.namespace(program.node), output)
            with suppress(subprocess.TimeoutExpired):
                running.process.wait(seconds)
            return running.stop(), running.text()

    def endings(self) -> tuple[str, ...]:
        """How those programs ended that run no more: all are meant to run as long as the network."""
        return tuple(ending for running in self.programs if (ending := running.ending))

    def close(self) -> None:
        """End all programs and let go of the namespaces."""
        for running in self.programs:
            running.process.terminate()
        for running in self.programs:
            running.stop()
        self.programs.clear()
        self._stop_watching()
        self._held.close()

    def _stop_watching(self) -> None:
        for log in self.drop_logs:
            log.close()
        self.drop_logs.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
