"""Credentials from a program: how GKE, EKS and AKS sign people in.

The program prints an ExecCredential, whose token is kept until shortly before it expires, and asked for anew when the
API server refuses it. The program keeps the terminal's standard error, so that it can say what to do (`gcloud auth
login`), but not its input: we may have no terminal.

Source: Kubernetes, "Authenticating", client-go credential plugins (client.authentication.k8s.io v1 and v1beta1).
"""

import asyncio
import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from wayhome.kube.access import Pem
from wayhome.kube.credentials import Credentials, Token
from wayhome.kube.errors import CredentialsError
from wayhome.kube.one_line import one_line

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
RUN_SECONDS = 60.0
EARLY_SECONDS = 60.0
"""How long before its end a token is not used any more."""


@dataclass(frozen=True, slots=True)
class _Issued:
    authorization: str
    certificate: tuple[Pem, Pem] | None
    until: float


class ExecPlugin(Credentials):
    """A program that prints credentials."""

    def __init__(
        self, version: str, command: Sequence[str], environment: Mapping[str, str], hint: str = ""
    ) -> None:
        """`hint`: what the kubeconfig says about installing the program."""
        self._version = version
        self._command = tuple(command)
        self._environment = environment
        self._hint = hint
        self._issued: _Issued | None = None
        self._running = asyncio.Lock()

    @classmethod
    def of(cls, plugin: Mapping[str, Any], folder: Path) -> "ExecPlugin":
        """From a kubeconfig's `exec`, in a file in `folder`. Raises CredentialsError."""
        version, command = str(plugin.get("apiVersion", "")), str(plugin.get("command", ""))
        if version not in VERSIONS:
            raise CredentialsError(
                f"the kubeconfig's exec plugin speaks {version!r}; {' and '.join(VERSIONS)} are understood"
            )
        if os.sep in command:
            command = str(folder / command)
        try:
            arguments = tuple(map(str, plugin.get("args") or ()))
            variables = {str(each["name"]): str(each["value"]) for each in plugin.get("env") or ()}
        except (KeyError, TypeError) as error:
            raise CredentialsError(
                f"the args or the env of the kubeconfig's plugin {command} are not as they should be"
            ) from error
        hint = one_line(str(plugin.get("installHint") or ""))
        return cls(version, (command, *arguments), variables, hint)

    async def authorization(self) -> str:
        """What the program has issued, or issues now."""
        async with self._running:
            if self._issued is None or time.time() >= self._issued.until:
                self._issued = await self._issue()
                self.certificate = self._issued.certificate
            return self._issued.authorization

    async def renewed(self, refused: str) -> bool:
        """Ask the program once more, unless somebody has meanwhile."""
        if self._issued and self._issued.authorization == refused:
            self._issued = None
        return await super().renewed(refused)

    async def _issue(self) -> _Issued:
        printed = await self._run()
        try:
            credential = json.loads(printed)
            version, status = credential["apiVersion"], credential["status"]
            token, expires = status.get("token"), status.get("expirationTimestamp")
            until = datetime.fromisoformat(expires).timestamp() if expires else math.inf
            certificate = None
            if status.get("clientCertificateData"):
                certificate = (
                    Pem(text=str(status["clientCertificateData"])),
                    Pem(text=str(status["clientKeyData"])),
                )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CredentialsError(f"{self._command[0]} has printed no ExecCredential") from error
        if version != self._version:
            raise CredentialsError(
                f"{self._command[0]} has printed an ExecCredential of {one_line(str(version), 60)} "
                f"and not of {self._version}"
            )
        authorization = await Token(str(token)).authorization() if token else ""
        return _Issued(authorization, certificate, until - EARLY_SECONDS)

    async def _run(self) -> bytes:
        name = self._command[0]
        information = {
            "apiVersion": self._version,
            "kind": "ExecCredential",
            "spec": {"interactive": False},
        }
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                env=os.environ
                | self._environment
                | {"KUBERNETES_EXEC_INFO": json.dumps(information)},
            )
        except OSError as error:
            raise CredentialsError(
                f"the kubeconfig's plugin {name} cannot be started: {error.strerror}. {self._hint}".rstrip()
            ) from error
        try:
            async with asyncio.timeout(RUN_SECONDS):
                printed, _ = await process.communicate()
        except TimeoutError as error:
            raise CredentialsError(f"{name} has not ended within {RUN_SECONDS:g} s") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise CredentialsError(f"{name} has failed with exit code {process.returncode}")
        return printed
