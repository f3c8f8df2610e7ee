"""Files that a lab writes: where one cannot be written, the error names it, as it does where one cannot be opened."""

from pathlib import Path


def write(file: Path, content: bytes) -> None:
    """Write all of a file. Raises OSError with its name: Python leaves that out when the disk is full."""
    try:
        file.write_bytes(content)
    except OSError as error:
        error.filename = error.filename or str(file)
        raise
