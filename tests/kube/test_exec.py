"""`pods/exec` against the tests' API server, which runs real programs; and the messages that no server should send."""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable

import pytest
from tests.kube.api_server.execs import V4
from tests.kube.api_server.faults import Action, Fault
from tests.kube.api_server.kinds import POD, Object
from tests.kube.api_server.rights import Rule
from tests.kube.api_server.server import ApiServer
from tests.kube.link import Link, access
from websockets.protocol import OPEN, SERVER, Protocol

from wayhome.kube.client import Client
from wayhome.kube.credentials import Token
from wayhome.kube.errors import KubeError, NonsenseError, RefusedError, UnreachableError
from wayhome.kube.exec import Command, Completed, execute
from wayhome.kube.exec_channels import exit_code
from wayhome.kube.streams import BUFFER
from wayhome.kube.websocket import WebSocket

PYTHON = sys.executable
RUNNING = {"containerStatuses": [{"name": "main", "state": {"running": {}}}]}


def server_with_pod(status: Object = RUNNING) -> ApiServer:
    server = ApiServer()
    metadata = {"name": "web", "namespace": "default", "uid": "1"}
    spec = {"nodeName": "node-a", "containers": [{"name": "main", "image": "web"}]}
    server.store.put(
        POD, ("default", "web"), {"metadata": metadata, "spec": spec, "status": status}
    )
    return server


def client_of(server: ApiServer) -> Client:
    return Client(access(), connect=Link(server).connect)


def python(program: str, *arguments: str, stdin: bytes | None = None) -> Command:
    return Command("default", "web", "main", (PYTHON, "-c", program, *arguments), stdin)


def run(
    command: Command, *, server: ApiServer | None = None, seconds: float = 10, most: int = 1 << 20
) -> Completed:
    server = server or server_with_pod()

    async def scenario() -> Completed:
        try:
            return await execute(client_of(server), command, seconds=seconds, most=most)
        finally:
            await server.close()

    return asyncio.run(scenario())


def refused(command: Command, server: ApiServer | None = None) -> RefusedError:
    with pytest.raises(RefusedError) as raised:
        run(command, server=server)
    return raised.value


def test_what_it_prints_and_how_it_ends() -> None:
    program = "import sys; print('out', sys.argv[1]); print('err', file=sys.stderr); sys.exit(3)"
    done = run(python(program, "a b&c=d"))
    assert done == Completed(3, b"out a b&c=d\n", b"err\n", truncated=False)
    assert run(python("pass")) == Completed(0, b"", b"", truncated=False)


def test_the_end_of_standard_input_reaches_the_program() -> None:
    given = bytes(range(256)) * 2000  # half a mebibyte: many messages
    count = "import sys; print(len(sys.stdin.buffer.read()))"
    assert run(python(count, stdin=given)).stdout == b"512000\n"
    assert run(python(count, stdin=b"")).stdout == b"0\n"
    echo = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
    assert run(python(echo, stdin=given)).stdout == given


def test_a_program_that_reads_nothing_of_what_it_is_given() -> None:
    assert run(python("print('done')", stdin=b"x" * 1_000_000)).stdout == b"done\n"


def test_an_older_api_server_does_not_tell_the_end_of_standard_input() -> None:
    server = server_with_pod()
    server.execs.spoken = (V4,)
    reads_three = "import sys; print(sys.stdin.buffer.read(3))"
    assert run(python(reads_three, stdin=b"abc"), server=server).stdout == b"b'abc'\n"
    server = server_with_pod()
    server.execs.spoken = (V4,)
    with pytest.raises(UnreachableError, match="has not ended within 1 s"):
        run(python("import sys; sys.stdin.read()", stdin=b"abc"), server=server, seconds=1)


def test_a_program_without_end_is_left_at_the_deadline() -> None:
    with pytest.raises(UnreachableError, match=r"in default/web has not ended within 1 s"):
        run(python("import time; time.sleep(60)"), seconds=1)


def test_output_is_bounded() -> None:
    done = run(python("print('x' * 300_000)"), most=1000)
    assert (done.stdout, done.truncated) == (b"x" * 1000, True)


def test_what_does_not_run_says_why() -> None:
    missing = Command("default", "web", "main", ("no-such-program",))
    error = refused(missing)
    assert error.code == 500
    assert 'exec: "no-such-program": executable file not found in $PATH' in error.message
    assert refused(python("pass"), server_with_pod({})).message == (
        'Internal error occurred: unable to upgrade connection: container not found ("main")'
    )
    other = Command("default", "web", "other", ("true",))
    assert refused(other).message == "container other is not valid for pod web"
    nobody = Command("default", "nobody", "main", ("true",))
    assert refused(nobody).code == 404


@pytest.mark.parametrize("granted", [(), ("get",), ("create",)])
def test_it_takes_get_and_create(granted: tuple[str, ...]) -> None:
    async def scenario(verbs: tuple[str, ...]) -> Completed:
        server = server_with_pod()
        server.rights.closed = True
        server.rights.issue("token", "somebody")
        server.rights.grant("somebody", Rule(verbs=verbs, resources=("pods/exec",)))
        client = Client(access(Token("token")), connect=Link(server).connect)
        return await execute(client, python("pass"), seconds=10)

    with pytest.raises(RefusedError) as raised:
        asyncio.run(scenario(granted))
    assert raised.value.code == 403
    if "get" in granted:  # the check of `create` says no reason
        assert raised.value.message == 'pods "web" is forbidden: '
    else:
        assert 'cannot get resource "pods/exec"' in raised.value.message
    assert asyncio.run(scenario(("get", "create"))).exit_code == 0


@pytest.mark.parametrize("action", [Action.CLOSE, Action.NONSENSE])
def test_something_else_answers(action: Action) -> None:
    server = server_with_pod()
    server.faults.add(Fault(action=action))
    with pytest.raises(KubeError):
        run(python("pass"), server=server)


def test_how_a_command_ended_is_a_status() -> None:
    failed = b'{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"%s"}]}}'
    assert exit_code(failed % b"137") == 137
    assert exit_code(b'{"status":"Success"}') == 0
    for damaged in (failed % b"-1", failed % b"x", b"[]", b"{", b"[" * 100_000):
        with pytest.raises(NonsenseError):
            exit_code(damaged)
    with pytest.raises(RefusedError, match=r"without a reason: \\x1b\[2J"):
        exit_code(b'{"status":"Failure","message":"\\u001b[2J"}')


Speak = Callable[[Protocol, asyncio.StreamWriter], None]


def received(speak: Speak) -> Awaitable[bytes | None]:
    """What our end makes of what a server says."""

    async def scenario() -> bytes | None:
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours, limit=BUFFER)
        _, server = await asyncio.open_connection(sock=theirs)
        frames = Protocol(SERVER, state=OPEN)
        speak(frames, server)
        for data in frames.data_to_send():
            server.write(data)
        server.close()
        try:
            return await WebSocket(reader, writer, V4).receive()
        finally:
            writer.close()

    return scenario()


def test_messages_come_whole_whatever_their_frames() -> None:
    def speak(frames: Protocol, _: asyncio.StreamWriter) -> None:
        frames.send_ping(b"are you there")
        frames.send_binary(b"\x01he", fin=False)
        frames.send_ping(b"still")
        frames.send_continuation(b"llo", fin=True)

    assert asyncio.run(_awaited(received(speak))) == b"\x01hello"


def test_a_farewell_ends_it_and_its_reason_is_told() -> None:
    def good(frames: Protocol, _: asyncio.StreamWriter) -> None:
        frames.send_close(1000)

    def bad(frames: Protocol, _: asyncio.StreamWriter) -> None:
        frames.send_close(1011, "the kubelet is gone")

    assert asyncio.run(_awaited(received(good))) is None
    with pytest.raises(UnreachableError, match="1011: the kubelet is gone"):
        asyncio.run(_awaited(received(bad)))


@pytest.mark.parametrize(
    "damaged",
    [
        b"\xff\xff\xff\xff",  # reserved bits
        b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff",  # eight exabytes
        b"\x80\x00",  # the rest of nothing
    ],
)
def test_damaged_frames(damaged: bytes) -> None:
    def speak(_: Protocol, server: asyncio.StreamWriter) -> None:
        server.write(damaged)

    with pytest.raises(NonsenseError, match="damaged"):
        asyncio.run(_awaited(received(speak)))


def test_an_end_without_a_farewell() -> None:
    with pytest.raises(UnreachableError, match="without a farewell"):
        asyncio.run(_awaited(received(lambda *_: None)))


async def _awaited(what: Awaitable[bytes | None]) -> bytes | None:
    return await what
