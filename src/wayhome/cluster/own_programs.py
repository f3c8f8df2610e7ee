"""`--exec`: probes with whatever a Pod's own container has: curl, wget, nc, ping, python3.

Each is started by itself, without a shell, which many images lack. What a program's exit code and words mean is its
own; the first that the image holds is asked. None of them says which source port it took, so where such an attempt left
the node cannot be looked up.

Sources: curl(1), "Exit codes"; wget(1), "Exit Status"; BusyBox wget, nc and ping; ping(8).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from wayhome.cluster.probe_attempt import Attempt, Outcome, Tried
from wayhome.cluster.probe_pod import Pod
from wayhome.cluster.probe_refused import not_executed
from wayhome.kube.client import Client
from wayhome.kube.errors import KubeError, RefusedError
from wayhome.kube.exec import Command, Completed, execute
from wayhome.kube.one_line import one_line
from wayhome.probe.observation import Protocol
from wayhome.probe.target import Target

_NOT_THERE = re.compile(r"executable file not found|no such file or directory", re.IGNORECASE)
_REFUSED = re.compile(r"refused|reset by peer", re.IGNORECASE)
_HTTP_ERROR = re.compile(r"HTTP/\d\.\d (\d{3})|ERROR (\d{3})")
_CURL_ANSWERED = (1, 8, 52, 56)
"""Unsupported protocol (an HTTP/0.9 answer), weird reply, empty reply, reset."""
_CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3])).close()"


@dataclass(frozen=True, slots=True)
class Program:
    """How one is started, and what its end means. `read` returns None where it has not run."""

    arguments: tuple[str, ...]
    read: Callable[[Completed], tuple[Outcome, str]]

    @property
    def name(self) -> str:
        """As somebody looks for it in an image."""
        return self.arguments[0]


def programs(protocol: Protocol, target: Target, seconds: int) -> tuple[Program, ...]:
    """Those that can make such an attempt, best first."""
    host, port, patience = target.host, str(target.port), str(seconds)
    if protocol is Protocol.ICMP:
        return (Program(("ping", "-c", "1", "-W", patience, host), _read_ping),)
    if protocol is Protocol.TCP:
        return (
            Program(("nc", "-z", "-w", patience, host, port), _read_connection),
            Program(("python3", "-c", _CONNECT, host, port, patience), _read_connection),
        )
    url = f"http://{target}/health"
    silent = ("--silent", "--show-error", "--noproxy", "*", "--output", "/dev/null")
    curl = ("curl", *silent, "--max-time", patience, "--write-out", "%{http_code}", url)
    return (
        Program(curl, _read_curl),
        Program(("wget", "-q", "-O", "/dev/null", "-T", patience, url), _read_wget),
    )


async def tried_by_own_programs(
    client: Client, pod: Pod, container: str, protocols: tuple[Protocol, ...], target: Target, *, seconds: float
) -> Tried:  # fmt: skip
    """Raises NotAskedError where nothing can be started there."""
    attempts = []
    for protocol in protocols:
        known = programs(protocol, target, max(1, round(seconds)))
        attempts.append(await _attempt(client, pod, container, protocol, known))
    return Tried(None, tuple(attempts))


async def _attempt(
    client: Client, pod: Pod, container: str, protocol: Protocol, known: tuple[Program, ...]
) -> Attempt:
    for program in known:
        command = Command(pod.namespace, pod.name, container, program.arguments)
        try:
            done = await execute(client, command, seconds=60.0)
        except RefusedError as error:
            if _NOT_THERE.search(error.message):
                continue
            raise not_executed(error, pod.namespace, f"{pod}, container {container}") from error
        except KubeError as error:
            raise not_executed(error, pod.namespace, f"{pod}, container {container}") from error
        if done.exit_code in (126, 127):  # as some container runtimes say that it is not there
            continue
        outcome, detail = program.read(done)
        return Attempt(protocol=protocol, outcome=outcome, detail=f"{program.name}: {detail}")
    names = " nor ".join(program.name for program in known)
    detail = f"the container {container} has no {names}"
    return Attempt(protocol=protocol, outcome=Outcome.IMPOSSIBLE, detail=detail)


def _read_curl(done: Completed) -> tuple[Outcome, str]:
    if done.exit_code == 0:
        return Outcome.REACHED, f"HTTP {one_line(done.stdout.decode('ascii', 'replace'), 10)}"
    answered = done.exit_code in _CURL_ANSWERED or _REFUSED.search(_words(done))
    return (Outcome.ANSWERED if answered else Outcome.FAILED), _words(done)


def _read_wget(done: Completed) -> tuple[Outcome, str]:
    if done.exit_code == 0:
        return Outcome.REACHED, "HTTP 200"
    if found := _HTTP_ERROR.search(_words(done)):
        return Outcome.REACHED, f"HTTP {found[1] or found[2]}"
    return _read_failure(done)


def _read_connection(done: Completed) -> tuple[Outcome, str]:
    return (Outcome.REACHED, "connected") if done.exit_code == 0 else _read_failure(done)


def _read_ping(done: Completed) -> tuple[Outcome, str]:
    if done.exit_code == 0:
        return Outcome.REACHED, "a reply"
    words = _words(done)
    if re.search(r"permission denied|operation not permitted|are you root", words, re.IGNORECASE):
        return Outcome.IMPOSSIBLE, words
    return Outcome.FAILED, words if done.stderr else "no reply"


def _read_failure(done: Completed) -> tuple[Outcome, str]:
    words = _words(done)
    return (Outcome.ANSWERED if _REFUSED.search(words) else Outcome.FAILED), words


def _words(done: Completed) -> str:
    """The last line of its errors."""
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return one_line(lines[-1], 160) if lines else f"no answer (it ended with {done.exit_code})"
