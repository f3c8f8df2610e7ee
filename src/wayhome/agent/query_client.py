"""Asks the agent that runs in this container, over its socket."""

import json
import socket
from pathlib import Path

from wayhome.agent.query_server import Document
from wayhome.agent.serving import SECONDS

LARGEST_ANSWER = 16 << 20
"""Bytes: a ConfigMap holds 1 MiB of configuration, and JSON may write each byte of it as six."""


class NoAgentError(Exception):
    """Nobody answers there; its text is a sentence."""


def ask(path: Path, query: str) -> Document:
    """The agent's answer. Raises NoAgentError."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(SECONDS + 1)
            channel.connect(str(path))
            channel.sendall(json.dumps({"query": query}).encode() + b"\n")
            answer = _read_all(channel)
    except (ConnectionResetError, BrokenPipeError):
        answer = b""
    except OSError as error:
        reason = error.strerror or error
        raise NoAgentError(
            f"no agent answers on {path} ({reason}): it has not begun yet, waits for another agent's end, or was "
            "started with another --query-socket"
        ) from error
    try:
        found = json.loads(answer)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise NoAgentError(f"what answers on {path} does not answer this user; ask as root")
    return found


def _read_all(channel: socket.socket) -> bytes:
    answer = bytearray()
    while (piece := channel.recv(1 << 16)) and len(answer) < LARGEST_ANSWER:
        answer += piece
    return bytes(answer)
