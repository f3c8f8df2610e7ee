"""`wayhome-agent`: upstream's command line. `wayhome agent` comes in here too, with `native`."""

import sys

from wayhome.agent.mode import is_api_mode

# asyncio imports ssl where there is one, and hashlib OpenSSL's digests: 4 MiB on every node that file mode never uses.
# None is how an import is told that there is none; hashlib then takes CPython's own SHA-256.
if not is_api_mode(sys.argv[1:]):
    for unused in ("ssl", "_hashlib"):
        sys.modules.setdefault(unused, None)  # type: ignore[arg-type]

from wayhome.agent.arguments import parse_arguments  # after the lines above
from wayhome.agent.run import run


def main(arguments: list[str] | None = None, *, native: bool = False) -> int:
    """Run the agent until it is stopped. Returns the exit code."""
    return run(parse_arguments(sys.argv[1:] if arguments is None else arguments, native=native))


if __name__ == "__main__":
    sys.exit(main())
