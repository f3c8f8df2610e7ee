"""`pods/exec`: one program in a container, with its standard input, to its end.

Neither a program that prints without end nor one that never ends keeps us: of its output the first bytes are held and
the rest is read and dropped, and after `seconds` the connection is. A program whose connection is gone may run on in
its container; ours have deadlines of their own.

The request is a GET, as a WebSocket's has to be: RBAC calls that `get` of `pods/exec`, and since Kubernetes 1.35
wants `create` besides.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from wayhome.kube.client import Client
from wayhome.kube.errors import KubeError, UnreachableError
from wayhome.kube.exec_channels import ERROR, STDERR, STDOUT, V4, V5, exit_code, stdin_messages
from wayhome.kube.resources import PODS
from wayhome.kube.websocket import WebSocket, websocket

LARGEST_OUTPUT = 1 << 20
LARGEST_STATUS = 1 << 16


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, and where. None as `stdin`: it has none."""

    namespace: str
    pod: str
    container: str
    arguments: tuple[str, ...]
    stdin: bytes | None = None


@dataclass(frozen=True, slots=True)
class Completed:
    """How it ended. `truncated`: it printed more than is held."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    truncated: bool


@dataclass(slots=True)
class _Output:
    """What a channel has brought, up to its most."""

    most: int
    held: bytearray = field(default_factory=bytearray)
    truncated: bool = False

    def take(self, data: bytes) -> None:
        room = self.most - len(self.held)
        self.held += data[:room]
        self.truncated = self.truncated or len(data) > room


async def execute(
    client: Client, command: Command, *, seconds: float, most: int = LARGEST_OUTPUT
) -> Completed:
    """Run it to its end. `most`: bytes held of each output. Raises KubeError."""
    query = [
        ("container", command.container),
        ("stdin", "false" if command.stdin is None else "true"),
        ("stdout", "true"),
        ("stderr", "true"),
        ("tty", "false"),
        *(("command", argument) for argument in command.arguments),
    ]
    path = PODS.path(command.namespace, command.pod, "exec")
    try:
        async with (
            asyncio.timeout(seconds),
            websocket(client, path, query, (V5, V4)) as channels,
        ):
            return await _run(channels, command.stdin, most)
    except TimeoutError as error:
        raise UnreachableError(
            f"{command.arguments[0]} in {command.namespace}/{command.pod} has not ended within {seconds:g} s"
        ) from error


async def _run(channels: WebSocket, stdin: bytes | None, most: int) -> Completed:
    sending = asyncio.ensure_future(_send(channels, stdin))
    try:
        outputs = {
            STDOUT: _Output(most),
            STDERR: _Output(most),
            ERROR: _Output(LARGEST_STATUS),
        }
        await _receive(channels, outputs)
    finally:
        sending.cancel()
        # A program may end before it has read everything: what it printed and how it ended counts.
        with suppress(asyncio.CancelledError, KubeError):
            await sending
    if not outputs[ERROR].held:
        raise UnreachableError("the connection ended before the command did")
    out, err = outputs[STDOUT], outputs[STDERR]
    return Completed(
        exit_code(bytes(outputs[ERROR].held)),
        bytes(out.held),
        bytes(err.held),
        out.truncated or err.truncated,
    )


async def _send(channels: WebSocket, stdin: bytes | None) -> None:
    if stdin is not None:
        for message in stdin_messages(stdin, channels.subprotocol):
            await channels.send(message)


async def _receive(channels: WebSocket, outputs: dict[int, _Output]) -> None:
    """Until it is said how the command ended: the server does so after it has passed on all that the command printed."""
    while not outputs[ERROR].held and (message := await channels.receive()) is not None:
        if message and message[0] in outputs:
            outputs[message[0]].take(message[1:])
