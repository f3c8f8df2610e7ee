"""The command `wayhome`. Its parts import what they need when they are called; the agent's image has no click."""

import sys


def main() -> int:
    """Run the command line. Returns the exit code."""
    if sys.argv[1:2] == ["agent"]:
        from wayhome.agent.__main__ import main as agent  # noqa: PLC0415 (it must not pay for the rest)

        return agent(sys.argv[2:], native=True)
    try:
        from wayhome.cli.main import wayhome  # noqa: PLC0415 (the message below needs the failure here)
    except ModuleNotFoundError as error:
        if error.name not in ("click", "wayhome.cli"):  # the image holds neither
            raise
        sys.stderr.write(
            "wayhome: the command line is not installed:\npip install 'wayhome[cli]'\n"
        )
        return 4
    wayhome(prog_name="wayhome")
    return 0


if __name__ == "__main__":
    sys.exit(main())
