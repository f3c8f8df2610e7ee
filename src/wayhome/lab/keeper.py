"""The process that keeps a lab up, in the background.

    python -m wayhome.lab.keeper CASE FOLDER LOCK

It leaves the host, builds the case, says on its standard output, in a line of JSON each, who it is and whether that
worked, and sleeps until a signal ends it. The namespaces are its descriptors, and it is the first process of the
lab's PID namespace: when it ends, also by SIGKILL, all of it ends, with all that `lab exec` brought in.

LOCK is the descriptor of the lab's lock, which it got from whoever started it. By the lock and the file in its folder
a lab is found. So it ends too when its folder is not what its path leads to any more: removed, moved, unmounted at the
user's logout. It looks itself now and then, because inotify does not tell what happens to the folders above.
"""

import json
import os
import signal
import sys
from pathlib import Path

from wayhome.lab import processes, state
from wayhome.lab.cases import CASES
from wayhome.lab.namespaces import NamespaceRefusedError, enter
from wayhome.lab.programs import ProgramError
from wayhome.lab.running_case import RunningCase
from wayhome.lab.state import explained

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LOOK_SECONDS = 1.0
END_SECONDS = 2.0


def main(case: str, folder: Path, lock: int) -> int:
    """Keep the case up until a signal comes."""
    try:
        number = enter(in_background=True)
        _say(keeper=number)
        chosen = CASES[case]()
        first, *_ = chosen.phases
        running = RunningCase(chosen, folder, first)
    except NamespaceRefusedError as refused:
        _say(refused=refused.reason, command=refused.command)
        return 4
    except OSError as error:
        _say(error=explained(error))
        return 1
    except ProgramError as error:
        _say(error=str(error))
        return 1
    with running:
        try:
            running.wait_until_ready()
        except ProgramError as error:
            _say(error=str(error))
            return 1
        state.write(folder, _state(running, case, number, lock))
        # Only now: what was started before would have inherited both, and could not be ended or see its own end.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries what loses its parent
        _say()
        _say_no_more()
        _sleep(folder, lock)
        processes.end_all_others(END_SECONDS)
    if state.is_lock_of(folder, lock):
        state.clear(folder)
    return 0


def _state(running: RunningCase, case: str, keeper: int, lock: int) -> state.LabState:
    """Nodes by the last part of their names."""
    nodes, agents = running.network.nodes.values(), running.agents
    return state.LabState(
        case,
        keeper,
        lock,
        {_last(one.node.name): one.namespace.descriptor for one in nodes},
        {_last(one.node.name): [str(a) for a in one.node.addresses] for one in nodes},
        {
            agent.label: state.KeptAgent(
                str(agent.places(agents.folder).volume), agent.items, str(started.output)
            )
            for agent, started in zip(agents.agents, agents.running, strict=True)
        },
    )


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _sleep(folder: Path, lock: int) -> None:
    while signal.sigtimedwait(ENDING, LOOK_SECONDS) is None:
        if not state.is_lock_of(folder, lock):
            return


def _say(**content: str | int) -> None:
    print(json.dumps(content), flush=True)  # noqa: T201 (whoever started us waits for it)


def _say_no_more() -> None:
    """Close the pipe for whoever reads it to its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
