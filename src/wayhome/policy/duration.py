"""Durations as Go's time.ParseDuration reads them: `60s`, `1m30s`, `1.5h`, `0`.

Source: the documentation of Go's package time. Upstream's `resyncInterval` is such a text, never a number.
"""

import re

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,  # U+00B5 micro sign
    "μs": 1e-6,  # U+03BC Greek mu
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART = re.compile(r"(?P<number>\d+\.?\d*|\.\d+)(?P<unit>ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_LONGEST_TEXT = 200
_LONGEST = 2**63 / 1e9  # Go counts nanoseconds in 64 bits: about 292 years


def parse_duration(text: str) -> float:
    """Read a duration, in seconds. Raises ValueError where Go would refuse it."""
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0.0
    if len(rest) > _LONGEST_TEXT:
        raise ValueError("the text is too long for a duration")
    seconds, position = 0.0, 0
    while position < len(rest):
        part = _PART.match(rest, position)
        if part is None:
            raise ValueError(f"{text!r} is not a duration")
        seconds += float(part["number"]) * _UNITS[part["unit"]]
        position = part.end()
    if not rest or seconds >= _LONGEST:
        raise ValueError(f"{text!r} is not a duration")
    return sign * seconds
