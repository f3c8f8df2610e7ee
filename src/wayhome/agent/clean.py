"""`wayhome-agent clean`: what the agent leaves on a node when it is uninstalled goes, in the agent's own image.

It takes the node as an agent does: one that still runs is waited for, because it would make the rules anew, and none
starts in between. Then the rules go, and with `--state` what was remembered: a later agent would begin with a
configuration that nobody has given it.
"""

import argparse
import select
import sys
import time
from pathlib import Path

from wayhome.agent.flag_values import parse_chain_name
from wayhome.agent.lock import Holder, NodeLock
from wayhome.agent.memory import forget_all
from wayhome.kernel import KernelError
from wayhome.kernel.cleaning import clean


def main(arguments: list[str]) -> int:
    """Clean this node. Returns the exit code."""
    options = _parser().parse_args(arguments)
    lock = NodeLock()
    said = False
    try:
        _acquire(lock)
        for line in clean(options.masq_chain):
            _say(line)
            said = True
        for file in forget_all(options.state) if options.state else ():
            _say(f"{file} is removed")
            said = True
    except KernelError as error:
        sys.stderr.write(f"wayhome-agent clean: the rules could not be removed: {error}\n")
        return 4
    except OSError as error:
        what = error.filename or "this node cannot be taken"
        sys.stderr.write(f"wayhome-agent clean: {what}: {error.strerror or error}\n")
        return 4
    finally:
        lock.release()
    if not said:
        _say("there is nothing of wayhome on this node")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wayhome-agent clean",
        description="Removes all rules that wayhome has written on this node, once no agent runs on it any more.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--masq-chain",
        type=parse_chain_name,
        metavar="NAME",
        help="remove this chain of iptables too, and every jump to it",
    )
    parser.add_argument(
        "--state",
        type=Path,
        metavar="FOLDER",
        help="remove what is remembered there too, as in the agent's --state",
    )
    return parser


def _acquire(lock: NodeLock) -> None:
    said = False
    while not lock.try_acquire():
        if not said:
            said = True
            _say("an agent keeps this node's rules; waiting for its end")
        try:
            holder = Holder()
        except OSError:  # it has just ended, or too many wait for it
            time.sleep(0.5)
            continue
        select.select([holder], [], [])  # the kernel tells of its end, however it ends
        holder.close()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
