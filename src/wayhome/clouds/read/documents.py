"""The JSON documents of a file, checked for their syntax and not parsed.

A file holds one document, one a line (NDJSON, as an asset inventory), or several one after the other (`cat a.json
b.json`, two commands that append to one file).
"""

import re

import msgspec

_WHOLE = msgspec.json.Decoder(msgspec.Raw)
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)
_BYTE = re.compile(r"\(byte (\d+)\)")

MOST_DOCUMENTS = 10_000_000
"""In one file. Each takes memory, and a hostile file may hold nothing but `[]`."""


class NotJsonError(Exception):
    """The text is no JSON. The message says what is wrong, and where if that is known."""


def documents(text: bytes) -> list[msgspec.Raw]:
    """The documents. Raises NotJsonError; none of them is then to be believed."""
    try:
        return [_WHOLE.decode(text)]
    except RecursionError as error:
        raise _explained(error, text, 0) from None
    except msgspec.DecodeError as error:
        whole = error
    if text.count(b"\n") < MOST_DOCUMENTS:
        try:
            return _WHOLE.decode_lines(text)
        except (msgspec.DecodeError, RecursionError):
            pass
    pieces = _pieces(text)
    if len(pieces) < 2:
        raise _explained(whole, text, 0)
    found = []
    for start, end in pieces:
        try:
            found.append(_WHOLE.decode(text[start:end]))
        except (msgspec.DecodeError, RecursionError) as error:
            raise _explained(error, text, start) from None
    return found


def _pieces(text: bytes) -> list[tuple[int, int]]:
    """Where the outermost brackets close, and so one document ends and the next may begin."""
    pieces = []
    start = depth = 0
    for token in _TOKEN.finditer(text):
        if token[0] in b"[{":
            depth += 1
        elif token[0] in b"]}":
            depth -= 1
            if depth == 0:
                pieces.append((start, token.end()))
                start = token.end()
                if len(pieces) > MOST_DOCUMENTS:
                    raise NotJsonError(f"holds more than {MOST_DOCUMENTS:,} documents")
    if text[start:].strip():
        pieces.append((start, len(text)))
    return pieces


def _explained(error: Exception, text: bytes, start: int) -> NotJsonError:
    if isinstance(error, RecursionError):
        return NotJsonError("has lists and objects nested too deeply")
    message = str(error)
    if "truncated" in message:
        return NotJsonError("ends in the middle: it is truncated")
    place = _BYTE.search(message)
    if place is None:
        return NotJsonError(f"is not JSON ({message})")
    line = text.count(b"\n", 0, start + int(place[1])) + 1
    return NotJsonError(f"is not JSON, from line {line:,} on")
