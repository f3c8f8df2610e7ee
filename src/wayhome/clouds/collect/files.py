"""Files of a collection: complete or not there, and for nobody else's eyes."""

import os
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Write a file, and its folders. Raises OSError.

    Until it is whole it has a name that readers of exports pass over; a full disk leaves nothing.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        new.rename(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
