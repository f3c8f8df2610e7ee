"""The process that keeps a lab up, in the background.

    python -m wayhome.lab.keeper CASE FOLDER LOCK

It leaves the host, builds the case, says in one line of JSON on its standard output whether that worked, and sleeps
until a signal ends it. The namespaces are its descriptors and the programs its children: when it ends, also by
SIGKILL, all of it ends. LOCK is the descriptor of the lab's lock, which it got from whoever started it.
"""

import json
import os
import signal
import sys
from pathlib import Path

from wayhome.lab import state
from wayhome.lab.cases import CASES
from wayhome.lab.namespaces import NamespaceRefusedError, enter
from wayhome.lab.programs import ProgramError
from wayhome.lab.running_case import RunningCase

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(case: str, folder: Path, lock: int) -> int:
    """Keep the case up until a signal comes."""
    os.set_inheritable(lock, False)  # the lab's programs must not keep the lock
    try:
        enter()
        running = RunningCase(CASES[case], folder, None)
    except NamespaceRefusedError as refused:
        _report(refused=refused.reason, command=refused.command)
        return 4
    except (OSError, ProgramError) as error:
        _report(error=str(error))
        return 1
    with running:
        nodes = {name: n.descriptor for name, n in running.network.namespaces.items()}
        for name, content in CASES[case].files.items():
            (folder / name).write_bytes(content)
        state.write(folder, state.LabState(case, os.getpid(), nodes))
        # Only now: what was started before would have inherited the mask, and could not be ended.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        _report()
        signal.sigwait(ENDING)
    state.clear(folder)
    return 0


def _report(**content: str) -> None:
    print(json.dumps(content), flush=True)  # noqa: T201 (whoever started us waits for it)
    # The pipe is closed for whoever reads it to its end.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
