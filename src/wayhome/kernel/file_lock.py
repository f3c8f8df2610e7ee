"""Who holds a lock on a file, for a message to whoever has to end that: flock(2) itself does not tell.

Source: proc(5), /proc/locks, which leaves out processes of PID namespaces that the reader does not see.
"""

import os
from pathlib import Path


def holder(file: str) -> str:
    """`NAME (process NUMBER)` of the one that holds it, as far as this process sees it; empty where it does not."""
    try:
        found = Path(file).stat()
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return ""
    device = found.st_dev
    wanted = f"{os.major(device):02x}:{os.minor(device):02x}:{found.st_ino}"
    for line in lines:
        fields = line.split()
        if len(fields) > 5 and fields[1] == "FLOCK" and fields[5] == wanted:
            return _named(fields[4])
    return ""


def _named(process: str) -> str:
    try:
        name = Path("/proc", process, "comm").read_text().strip()
    except OSError:
        return ""
    return f"{name} (process {process})"
