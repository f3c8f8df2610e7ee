"""The text of a file as UTF-8 without a mark.

`>` of Windows PowerShell writes UTF-16 with a byte order mark, and other programs put the mark before UTF-8.
"""

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's mark, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def as_utf8(data: bytes) -> bytes:
    """The text. Raises ValueError where it is not text in the encoding that its mark names.

    Without a mark, JSON in UTF-16 is known by the zero byte beside its first character. UTF-8 itself is checked by
    whoever parses it.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            rest = data[len(mark) :]
            return rest if encoding == "utf-8" else _recoded(rest, encoding)
    if data[:2] in (b"{\0", b"[\0"):
        return _recoded(data, "utf-16-le")
    if data[:2] in (b"\0{", b"\0["):
        return _recoded(data, "utf-16-be")
    return data


def _recoded(data: bytes, encoding: str) -> bytes:
    try:
        return data.decode(encoding).encode()
    except UnicodeError:
        raise ValueError(f"is not {encoding.upper()}, which its first bytes announce") from None
