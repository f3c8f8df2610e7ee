"""What the figures were measured on: without it they say nothing."""

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from wayhome import __version__
from wayhome.lab.programs import environment

MISSING = "not installed"


@dataclass(frozen=True, slots=True)
class Machine:
    """Processor, versions, and how busy it was when the run began."""

    processor: str
    cores: int
    kernel: str
    nft: str
    iptables_legacy: str
    iptables_nft: str
    python: str
    wayhome: str
    load: float
    """Processes that ran or wanted to, over the last minute: what is above 0 was not ours."""


def this_machine() -> Machine:
    """Look at it."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        kernel=platform.release(),
        nft=_version("nft"),
        iptables_legacy=_version("iptables-legacy"),
        iptables_nft=_version("iptables-nft"),
        python=platform.python_version(),
        wayhome=__version__,
        load=round(os.getloadavg()[0], 2),
    )


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _version(program: str) -> str:
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=True, env=environment()
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return MISSING
    found = re.search(r"v?(\d+(\.\d+)+)", said)
    return found[1] if found else said.strip()
