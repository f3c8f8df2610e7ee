"""Where the person's own gcloud and kubectl point at the moment."""

import subprocess

from wayhome.clouds.collect.collector import NotInstalledError

SECONDS = 30.0


def current_context() -> str:
    """The kubectl context; empty where there is none. Raises NotInstalledError."""
    return _said("kubectl", "config", "current-context")


def current_project() -> str:
    """The gcloud project; empty where none is set. Raises NotInstalledError."""
    said = _said("gcloud", "config", "get-value", "project")
    return "" if said == "(unset)" else said


def _said(*argv: str) -> str:
    try:
        ran = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise NotInstalledError(f"{argv[0]} is not installed, or not on the PATH") from error
    except subprocess.TimeoutExpired:
        return ""
    return ran.stdout.strip() if ran.returncode == 0 else ""
