r"""Text from outside, made fit for a terminal.

A node's log, a configuration or a server's answer may hold escape sequences that move the cursor, change colours or
imitate our own output. They become visible: `\x1b` for the escape character, and so on. Line breaks stay if asked.
"""

import unicodedata

# Control, format (such as the marks that turn the direction of writing), surrogates, and separators of lines.
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def printable(text: str, *, lines: bool = False) -> str:
    """The text with everything that a terminal would obey written out."""
    return "".join(
        c if (lines and c == "\n") or unicodedata.category(c) not in _UNSAFE else _written_out(c)
        for c in text
    )


def _written_out(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
