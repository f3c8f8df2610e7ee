"""Structured log lines on standard error: one event, a sentence, and fields.

On a terminal and in `kubectl logs` a person reads them: `text`, time, level, sentence, fields. For a collector:
`json`, one object a line. What comes from configurations and from other programs is made printable.

Standard error is a pipe to the container runtime, and where that hangs nobody empties it. A write would then wait for
ever, and with it whoever logs: the thread that keeps the node's rules. So before each piece the pipe is asked whether
it has room, which poll(2) promises for PIPE_BUF bytes; after a second without any the line is lost, further ones at
once, and the next one that gets through says how many were. The descriptor is not made non-blocking: whoever else has
it open (a shell, its terminal) would find it so.
"""

import enum
import json
import os
import select
import sys
import threading
import time
from typing import TextIO

PIPE_BUF = 4096
"""Bytes that a pipe takes at once where it takes any (pipe(7))."""
PATIENCE_SECONDS = 1.0
"""How long a reader may sleep before lines are lost."""


class Format(enum.Enum):
    """How lines are written."""

    TEXT = "text"
    JSON = "json"


Field = str | int | float | bool | None


class Log:
    """Writes events. `event` is a stable name; `message` is for people and may change."""

    def __init__(self, form: Format = Format.TEXT, stream: TextIO | None = None) -> None:
        self._form = form
        self._stream = stream or sys.stderr or None  # None: started with standard error closed
        self._turn = threading.Lock()
        self._lost = 0
        self._torn = False
        """The last line lacks its end."""

    def info(self, event: str, message: str, **fields: Field) -> None:
        """Something happened as it should."""
        self._write("info", event, message, fields)

    def warning(self, event: str, message: str, **fields: Field) -> None:
        """Something that is probably not meant, or that is lost."""
        self._write("warning", event, message, fields)

    def error(self, event: str, message: str, **fields: Field) -> None:
        """Something that an operator has to mend."""
        self._write("error", event, message, fields)

    def _write(self, level: str, event: str, message: str, fields: dict[str, Field]) -> None:
        if self._stream is None:
            return
        with self._turn:
            if self._lost:
                said = f"{self._lost} lines of this log were lost: nobody read it"
                if not self._put(self._stream, self._line("warning", "log", said, {})):
                    self._lost += 1
                    return
                self._lost = 0
            if not self._put(self._stream, self._line(level, event, message, fields)):
                self._lost += 1

    def _line(self, level: str, event: str, message: str, fields: dict[str, Field]) -> str:
        now = time.time()
        when = (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}Z"
        )
        if self._form is Format.JSON:
            return json.dumps(
                {"time": when, "level": level, "event": event, "message": message, **fields},
                ensure_ascii=False,
            )
        shown = "".join(f" {name}={_text(value)}" for name, value in fields.items())
        return f"{when} {level.upper():7} {_printable(message)}{shown}"

    def _put(self, stream: TextIO, line: str) -> bool:
        """Write a line; whether it was written. A log that cannot be written must not stop the node's rules."""
        try:
            descriptor = stream.fileno()
        except (OSError, ValueError):  # in memory
            stream.write(line + "\n")
            return True
        left = f"{chr(10) if self._torn else ''}{line}\n".encode(errors="backslashreplace")
        room = select.poll()
        room.register(descriptor, select.POLLOUT)
        try:
            while left:
                if not room.poll(0 if self._lost else PATIENCE_SECONDS * 1000):
                    return False
                left = left[os.write(descriptor, left[:PIPE_BUF]) :]
                self._torn = bool(left)
        except OSError:
            pass
        return True


def _text(value: Field) -> str:
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    text = _printable(str(value))
    return f'"{text}"' if " " in text or not text else text


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
