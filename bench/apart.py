"""A program that measures itself, in a process of its own: nothing is cached there, and its memory is its own.

It prints one JSON document.
"""

import json
import os
import subprocess
import sys
from typing import Any

from bench.figure import NotReachedError
from bench.process import peak_resident


def told_by(module: str, *arguments: object) -> Any:
    """What `python -m MODULE ARGUMENTS` tells. Raises NotReachedError with what it complained of, if it failed."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReachedError(f"{module} ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def peak_mib() -> float:
    """The most that was resident of this program."""
    # ru_maxrss would be no less than what was resident of its parent: it counts what was there before exec(2).
    return peak_resident(os.getpid()) / (1 << 20)
