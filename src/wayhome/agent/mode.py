"""Whether a command line asks for API mode: known before it is parsed, and before anything is imported for that.

API mode needs ssl, and file mode pays nothing for it. So this module imports nothing, and the flag is looked for as
argparse will find it: with one dash or two, with its value behind `=` or in the next argument.
"""

FLAG = "configmap"


def is_api_mode(arguments: list[str]) -> bool:
    """Whether it has `--configmap`."""
    return any(argument.partition("=")[0] in (f"-{FLAG}", f"--{FLAG}") for argument in arguments)
