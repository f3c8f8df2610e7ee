"""The API as a Pod finds it: the kubelet's environment variables and the mounted service account.

Source: Kubernetes, "Accessing the Kubernetes API from a Pod". KUBERNETES_SERVICE_HOST is an address without brackets,
IPv6 too; a Pod on the host's network may be given a name instead.

The service account's files are read when they are needed, for each request: a token that is not there yet may be
there for the next one. The variables are there from the start or never.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from wayhome.kube.access import Access, Pem
from wayhome.kube.credentials import TokenFile
from wayhome.kube.errors import CredentialsError
from wayhome.kube.proxy import proxy_of

_WHY_MISSING = (
    "the Pod has no service account token; its automountServiceAccountToken must not be false"
)
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def in_cluster(
    environment: Mapping[str, str] = os.environ, folder: Path = SERVICE_ACCOUNT
) -> Access:
    """Read them. Raises CredentialsError with what is missing and why that usually is."""
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    port = environment.get("KUBERNETES_SERVICE_PORT", "") or "443"
    if not host:
        raise CredentialsError(
            "KUBERNETES_SERVICE_HOST is not set: this is no Pod; write --kubeconfig=FILE"
        )
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise CredentialsError(f"KUBERNETES_SERVICE_PORT is {port!r} and no port")
    host = host.strip("[]")
    return Access(
        host=host,
        port=int(port),
        proxy=proxy_of(host, int(port), tls=True, environment=environment),
        authority=Pem(folder / "ca.crt"),
        credentials=TokenFile(folder / "token", _WHY_MISSING),
        namespace=_namespace(folder),
    )


def _namespace(folder: Path) -> str:
    try:
        return (folder / "namespace").read_text(encoding="ascii").strip() or "default"
    except (OSError, ValueError):
        return "default"
