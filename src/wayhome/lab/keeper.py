"""The process that keeps a lab up, in the background.

    python -m wayhome.lab.keeper FOLDER LOCK

It reads the lab's `Plan` from its standard input, leaves the host, builds it, says on its standard output, in a line of
JSON each, who it is and whether that worked, and sleeps until a signal ends it. The namespaces are its descriptors, and it
is the first process of the lab's PID namespace: when it ends, also by SIGKILL, all of it ends, with all that `lab exec`
brought in.

LOCK is the descriptor of the lab's lock, which it got from whoever started it. By the lock and the file in its folder
a lab is found. So it ends too when its folder is not what its path leads to any more: removed, moved, unmounted at the
user's logout. It looks itself now and then, because inotify does not tell what happens to the folders above.
"""

import json
import os
import pickle
import select
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from wayhome.lab import agent_log, attendant, files, processes, state
from wayhome.lab.answering import Answering
from wayhome.lab.compiled import BuiltNetwork
from wayhome.lab.namespaces import NamespaceRefusedError, enter
from wayhome.lab.plan import Plan
from wayhome.lab.programs import ProgramError, RunningProgram
from wayhome.lab.state import KeptAgent, KeptNode, LabState, explained

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LOOK_SECONDS = 1.0
END_SECONDS = 2.0
UNATTENDED = "the process that answers and sees what dies has ended: nobody answers any more"
PATIENCE_SECONDS = 110.0
"""For an agent: there may be many, on few processors."""


def main(plan: Plan, folder: Path, lock: int) -> int:
    """Keep a lab up until a signal comes."""
    try:
        number = enter(in_background=True)
        _say(keeper=number)
        logs = folder / "logs"
        logs.mkdir()
        with BuiltNetwork(plan.network, logs, plan.own) as built:
            agents = _start(plan, built, folder)
            attending = attendant.start(built, Answering(built, plan.ports), folder, (lock, 1))
            for agent in agents:
                agent.wait_until(agent_log.has_applied, PATIENCE_SECONDS)
            up = _state(plan, built, agents, number, lock)
            state.write(folder, up)
            _keep(folder, up, attending)
    except NamespaceRefusedError as refused:
        _say(refused=refused.reason, command=refused.command)
        return 4
    except BrokenPipeError:  # whoever started us is gone: nobody would know of the lab
        state.clear(folder)
        return 1
    except OSError as error:
        _say(error=explained(error))
        return 1
    except ProgramError as error:
        _say(error=str(error))
        return 1
    if state.is_lock_of(folder, lock):
        state.clear(folder)
    return 0


def _start(plan: Plan, built: BuiltNetwork, folder: Path) -> list[RunningProgram]:
    for name, content in plan.files.items():
        files.write(folder / name, content)
    for agent in plan.agents:
        agent.volume.project(agent.data)
    return [built.start(agent.program) for agent in plan.agents]


def _state(
    plan: Plan, built: BuiltNetwork, running: Sequence[RunningProgram], keeper: int, lock: int
) -> LabState:
    nodes = {
        name: KeptNode(
            one.namespace.descriptor, plan.names.others[name], [*map(str, one.node.addresses)]
        )
        for name, one in built.nodes.items()
    }
    agents = {
        planned.node: KeptAgent(str(planned.volume.folder), planned.volume.items, str(agent.output))
        for planned, agent in zip(plan.agents, running, strict=True)
    }
    return LabState(plan.title, keeper, lock, [*plan.remarks, *_remarks(built)], nodes, agents)


def _remarks(built: BuiltNetwork) -> Iterator[str]:
    for node, why in built.refused.items():
        yield f"{node} does what was read of its own rules, which this machine does not take: {why}"
    if not built.sees_drops:
        yield "this machine's kernel has no nfnetlink_log: it is not seen where packets die"


def _keep(folder: Path, up: LabState, attending: int) -> None:
    attended = os.pidfd_open(attending)
    # Only now: what was started before would have inherited both, and could not be ended or see its own end.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries what loses its parent
    _say()
    _say_no_more()
    _sleep(folder, up, attended)
    processes.end_all_others(END_SECONDS)


def _sleep(folder: Path, up: LabState, attended: int) -> None:
    while signal.sigtimedwait(ENDING, LOOK_SECONDS) is None:
        if not state.is_lock_of(folder, up.lock):
            return
        if attended >= 0 and select.select([attended], [], [], 0)[0]:
            os.close(attended)
            attended = -1
            state.write(folder, replace(up, remarks=[*up.remarks, UNATTENDED]))


def _say(**content: str | int) -> None:
    print(json.dumps(content), flush=True)  # noqa: T201 (whoever started us waits for it)


def _say_no_more() -> None:
    """Close the pipe for whoever reads it to its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


if __name__ == "__main__":
    # It comes from the command that started us, and from nobody else.
    plan_of_it: Plan = pickle.load(sys.stdin.buffer)  # noqa: S301
    sys.exit(main(plan_of_it, Path(sys.argv[1]), int(sys.argv[2])))
