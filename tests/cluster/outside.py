"""The part of these tests that stays in the host's network, and so reaches a cluster that KUBECONFIG names.

All tests leave that network before they begin (tests/conftest.py). Just before, `stay` reads the kubeconfig as kubectl
does, has a credential plugin run, which may need the network too, and leaves a process behind: it listens on a Unix
socket, which is reached from every network, and connects to the API server. It ends, and removes its folder, when the
last process of the tests has ended, however that was.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.cluster.relay import passed_on

FOLDER = "WAYHOME_TESTS_CLUSTER"
"""The variable of the folder with `socket` and `kubeconfig`."""
UNREACHED = "WAYHOME_TESTS_NO_CLUSTER"
"""The variable that says why there is none."""
NOT_GIVEN = "KUBECONFIG names no cluster; with one, this runs there too (docs/development.md)"
_VIEW = ("kubectl", "config", "view", "--minify", "--flatten", "--raw", "--output=json")
_held: list[int] = []


def stay() -> None:
    """Call it in the host's network, before anything else is started. Never raises: a test says what went wrong."""
    if not os.environ.get("KUBECONFIG"):
        return
    try:
        view = json.loads(_output(_VIEW))
        user = view["users"][0]["user"] if view.get("users") else {}
        if plugin := user.pop("exec", None):
            user |= _issued(plugin)
        cluster = view["clusters"][0]["cluster"]
        if cluster.get("proxy-url"):
            raise ValueError("proxy-url is not passed through here")  # noqa: TRY301
        folder = Path(tempfile.mkdtemp(prefix="wayhome-cluster-"))  # nobody else's to read
        (folder / "kubeconfig").write_text(json.dumps(view))
        _start(folder, *address(cluster["server"]))
        os.environ[FOLDER] = str(folder)
    except (OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
        os.environ[UNREACHED] = f"KUBECONFIG={os.environ['KUBECONFIG']} leads nowhere: {error}"


def address(url: str) -> tuple[str, int]:
    """Host and port of a kubeconfig's `server`."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or {"http": 80}.get(parts.scheme, 443)


def _output(command: tuple[str, ...], **variables: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=os.environ | variables)  # fmt: skip
    if done.returncode:
        raise ValueError(f"{command[0]} says: {done.stderr.strip()}")
    return done.stdout


def _issued(plugin: dict[str, Any]) -> dict[str, str]:
    """What a credential plugin prints, as a user of a kubeconfig (Kubernetes, "client-go credential plugins")."""
    variables = {each["name"]: each["value"] for each in plugin.get("env") or ()}
    asked = {"apiVersion": plugin["apiVersion"], "kind": "ExecCredential", "spec": {"interactive": False}}  # fmt: skip
    command = (plugin["command"], *(plugin.get("args") or ()))
    status = json.loads(_output(command, KUBERNETES_EXEC_INFO=json.dumps(asked), **variables))["status"]  # fmt: skip
    if "token" in status:
        return {"token": status["token"]}
    raise ValueError(f"{plugin['command']} prints no token, and nothing else is taken here")


def _start(folder: Path, host: str, port: int) -> None:
    """The pipe's end is inherited by all that are forked from here, and by no program that they start."""
    read, write = os.pipe()
    _held.append(write)
    command = [sys.executable, "-m", "tests.cluster.outside", str(folder), host, str(port)]
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{root}/src"}
    os.posix_spawn(
        sys.executable, command, environment, file_actions=[(os.POSIX_SPAWN_DUP2, read, 0)]
    )
    os.close(read)


async def _pass_on(folder: Path, host: str, port: int) -> None:
    serve = partial(passed_on, server=(host, port), passing=set())
    listening = await asyncio.start_unix_server(serve, folder / "socket")
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, lambda: None if os.read(0, 1) else ended.set())
    await ended.wait()
    listening.close()


def main() -> None:
    folder, host, port = sys.argv[1:]
    try:
        asyncio.run(_pass_on(Path(folder), host, int(port)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
