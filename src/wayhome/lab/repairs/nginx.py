"""nginx on a node of a lab, with the very text that the repair writes into a machine's nginx.conf.

Debian's nginx wants to write below /var/lib/nginx and /var/log/nginx, which an ordinary user may not, and which a lab
should not. So both are folders in memory, in the lab's own mounts. What the machine's service manager would say is said
on the command line: stay in the foreground, and be the user that we are (in a user namespace there is no other).
"""

import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

from wayhome.clouds.proxy import Proxy
from wayhome.diagnosis.repairs.nginx import configuration
from wayhome.lab.compiled.built import BuiltNetwork
from wayhome.lab.mounts import cover
from wayhome.lab.programs import Program, ProgramError, RunningProgram, environment
from wayhome.network import Address, Protocol

NAME = "nginx"
INSTALL = "apt-get install nginx libnginx-mod-stream  # its service is not needed: systemctl disable --now nginx"
WRITTEN_TO = (Path("/var/lib/nginx"), Path("/var/log/nginx"))
PATIENCE_SECONDS = 10.0


def require_nginx() -> None:
    """Raises ProgramError where this machine has none."""
    if shutil.which(NAME, path=environment()["PATH"]) is None:
        raise ProgramError(f"nginx is not installed; this installs it:\n{INSTALL}")


def start_nginx(built: BuiltNetwork, proxy: Proxy, node: str) -> RunningProgram:
    """Start it, and return when it listens. Raises OSError, ProgramError."""
    require_nginx()
    for folder in filter(Path.exists, WRITTEN_TO):
        cover(folder)
    upstream = Address(proxy.upstream.family, proxy.upstream.value)
    text = configuration(upstream, Protocol(proxy.protocol), proxy.port)
    number = len(built.programs)
    file, pid = built.output / f"{number}.nginx.conf", built.output / f"{number}.nginx.pid"
    file.write_text(text)
    settings = f"daemon off; user root; pid {pid};"
    argv = (NAME, "-e", "stderr", "-c", str(file), "-g", settings)
    running = built.start(Program(node, NAME, argv))
    # The master writes its number once its sockets are open.
    running.wait_until(lambda _: pid.exists(), PATIENCE_SECONDS)
    return running


def kill(built: BuiltNetwork, running: RunningProgram) -> None:
    """End master and worker at once. That this program has ended is then no fault of the lab."""
    built.programs.remove(running)
    with suppress(ProcessLookupError):
        os.killpg(running.process.pid, signal.SIGKILL)
    running.process.wait()
