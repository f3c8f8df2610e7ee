"""`wayhome-agent`: upstream's command line. `wayhome agent` comes in here too, with `native`."""

import sys

# asyncio imports ssl where there is one, and with it OpenSSL: 4 MiB on every node that file mode never uses.
sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]  # how an import is told that there is none

from wayhome.agent.arguments import parse_arguments  # noqa: E402  # after the line above
from wayhome.agent.run import run  # noqa: E402


def main(arguments: list[str] | None = None, *, native: bool = False) -> int:
    """Run the agent until it is stopped. Returns the exit code."""
    return run(parse_arguments(sys.argv[1:] if arguments is None else arguments, native=native))


if __name__ == "__main__":
    sys.exit(main())
