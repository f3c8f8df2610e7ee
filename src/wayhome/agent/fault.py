"""A fault of this program itself, in one line of the log: what it was, and the place for whoever mends it."""

import traceback


def place_of(error: BaseException | None) -> str:
    """The exception and where it was raised; of a group, the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if error is None:
        return "no reason"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"
