"""`wayhome-agent`: upstream's command line. `wayhome agent` comes in here too, with `native`.

A first argument that names a command is another program of the same image; it imports nothing of the agent that it
does not need.
"""

import sys
from importlib import import_module

from wayhome.agent.commands import asks_the_api, module_of
from wayhome.agent.mode import is_api_mode

# asyncio imports ssl where there is one, and hashlib OpenSSL's digests: 4 MiB on every node that file mode never uses.
# None is how an import is told that there is none; hashlib then takes CPython's own SHA-256.
if not (is_api_mode(sys.argv[1:]) or asks_the_api(sys.argv[1:])):
    for unused in ("ssl", "_hashlib"):
        sys.modules.setdefault(unused, None)  # type: ignore[arg-type]


def main(arguments: list[str] | None = None, *, native: bool = False) -> int:
    """Run the agent until it is stopped, or one of its commands. Returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    command = None if native else module_of(given)
    if command:
        return int(import_module(command).main(given[1:]))
    from wayhome.agent.arguments import parse_arguments  # noqa: PLC0415  # no command pays for it
    from wayhome.agent.run import run  # noqa: PLC0415

    return run(parse_arguments(given, native=native))


if __name__ == "__main__":
    sys.exit(main())
