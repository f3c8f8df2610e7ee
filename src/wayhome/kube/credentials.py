"""Who asks: nobody, a token, a token in a file that is rotated, a password, a client certificate.

The kubelet writes a new service account token long before the old one ends (at 80 % of its life, an hour by default
for bound tokens), and an API server may refuse one early. The file is read for every request: there are a few of
those an hour, and no age can be wrong then. After a 401 `renewed` says whether asking again can help.

Source: Kubernetes, "Service account token volume projection"; "Authenticating", client-go credential plugins.
"""

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from wayhome.kube.errors import CredentialsError

if TYPE_CHECKING:
    from wayhome.kube.access import Pem


class Credentials:
    """Nobody: the base of all others."""

    certificate: "tuple[Pem, Pem] | None" = None
    """A client certificate and its key, for the TLS handshake."""

    async def authorization(self) -> str:
        """The Authorization header; empty for none. Raises CredentialsError."""
        return ""

    async def renewed(self, refused: str) -> bool:
        """Whether there is another header to try than `refused`, which was answered by 401. May make one."""
        return await self.authorization() != refused


ANONYMOUS = Credentials()


class Token(Credentials):
    """A bearer token that never changes."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def authorization(self) -> str:
        """The token."""
        return _bearer(self._token, "the token given")


class TokenFile(Credentials):
    """A bearer token in a file, which somebody rotates."""

    def __init__(self, path: Path, why_missing: str = "") -> None:
        """`why_missing`: why a file that is not there usually is not, and what to write."""
        self._path = path
        self._why_missing = why_missing

    async def authorization(self) -> str:
        """The token that the file holds now."""
        try:
            token = self._path.read_text(encoding="ascii")
        except FileNotFoundError as error:
            why = f": {self._why_missing}" if self._why_missing else ""
            raise CredentialsError(f"there is no token {self._path}{why}") from error
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise CredentialsError(f"the token {self._path} cannot be read: {reason}") from error
        return _bearer(token, str(self._path))


class Password(Credentials):
    """A user's name and password: RFC 7617."""

    def __init__(self, user: str, password: str) -> None:
        self._header = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    async def authorization(self) -> str:
        """Both."""
        return self._header


class ClientCertificate(Credentials):
    """A client certificate; there is no header."""

    def __init__(self, certificate: "Pem", key: "Pem") -> None:
        self.certificate = (certificate, key)


def _bearer(token: str, source: str) -> str:
    """A header out of a token; one that could not stand in a header is refused, so that it cannot add others."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise CredentialsError(f"{source} is no token" if token else f"{source} is empty")
    return f"Bearer {token}"
