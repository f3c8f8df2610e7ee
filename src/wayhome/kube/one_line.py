"""Text from the network, fit for one line of a log or a terminal."""


def one_line(text: str, at_most: int = 400) -> str:
    """`text` with its control characters made visible, shortened."""
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: at_most + 1]
    )
    return shown if len(shown) <= at_most else shown[: at_most - 1] + "…"
