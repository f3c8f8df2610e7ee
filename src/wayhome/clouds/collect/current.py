"""Where the person's own gcloud and kubectl point at the moment."""

from wayhome.clouds.collect.programs import Programs

SECONDS = 30.0


def current_context() -> str:
    """The kubectl context; empty where there is none. Raises NotInstalledError."""
    return _said("kubectl", "config", "current-context")


def current_project() -> str:
    """The gcloud project; empty where none is set. Raises NotInstalledError."""
    said = _said("gcloud", "config", "get-value", "project")
    return "" if said == "(unset)" else said


def _said(*argv: str) -> str:
    output, _ = Programs(SECONDS).ask(argv)
    return output.decode(errors="replace").strip()
