"""kubectl's commands, word by word: names in exports are hostile, and a command is pasted into a shell."""

import shlex


def kubectl(*words: str, **options: str) -> str:
    """A command: `kubectl("delete", "pod", name, namespace="ns")`."""
    written = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    return " ".join(["kubectl", *map(shlex.quote, (*words, *written))])
