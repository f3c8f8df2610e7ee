"""Structured log lines on standard error: one event, a sentence, and fields.

On a terminal and in `kubectl logs` a person reads them: `text`, time, level, sentence, fields. For a collector:
`json`, one object a line. What comes from configurations and from other programs is made printable.
"""

import enum
import json
import sys
import time
from typing import TextIO


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
        now = time.time()
        when = (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}Z"
        )
        if self._form is Format.JSON:
            line = json.dumps(
                {"time": when, "level": level, "event": event, "message": message, **fields},
                ensure_ascii=False,
            )
        else:
            shown = "".join(f" {name}={_text(value)}" for name, value in fields.items())
            line = f"{when} {level.upper():7} {_printable(message)}{shown}"
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            pass  # a log that nobody can read must not stop the node's rules


def _text(value: Field) -> str:
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    text = _printable(str(value))
    return f'"{text}"' if " " in text or not text else text


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
