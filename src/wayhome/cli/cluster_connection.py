"""How the commands for a cluster reach it: the options, and the client that they give.

As kubectl: `--kubeconfig`, else KUBECONFIG, else ~/.kube/config; in a Pod without any of them, its service account.

With `--json` there is a document in every case: where the cluster cannot be asked, it has the error.
"""

import asyncio
import json
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from wayhome.cli.printable import printable
from wayhome.kube.access import Access
from wayhome.kube.client import Client
from wayhome.kube.errors import CredentialsError, KubeError, NameRefusedError, RefusedError
from wayhome.kube.in_cluster import in_cluster
from wayhome.kube.kubeconfig import default_files, from_kubeconfig

Result = TypeVar("Result")


def connection(command: Any) -> Any:
    """The options; the command gets `kubeconfig` and `context`."""
    for decorate in (
        click.option("--context", default="", metavar="NAME", help="The kubeconfig's context to use."),
        click.option("--kubeconfig", type=click.Path(path_type=Path), metavar="FILE", help="As kubectl's; default: KUBECONFIG, then ~/.kube/config."),
    ):  # fmt: skip
        command = decorate(command)
    return command


def access(kubeconfig: Path | None, context: str) -> Access:
    """Where the cluster is. Ends with 2 where that is not said, or not understood."""
    files = [kubeconfig] if kubeconfig else default_files()
    try:
        nowhere = not kubeconfig and not any(file.exists() for file in files)
        if nowhere and "KUBERNETES_SERVICE_HOST" in os.environ:
            return in_cluster()
        return from_kubeconfig(files, context)
    except CredentialsError as error:
        _end(error)


def client(kubeconfig: Path | None, context: str) -> Client:
    """One that speaks with the cluster."""
    return Client(access(kubeconfig, context), user_agent="wayhome")


def run(asked: Coroutine[Any, Any, Result]) -> Result:
    """Run it. Where the cluster cannot be asked, say so and end: 2 for credentials and names, else 3."""
    try:
        return asyncio.run(asked)
    except KubeError as error:
        _end(error)


def _end(error: KubeError) -> NoReturn:
    refused = isinstance(error, RefusedError) and error.code == 401
    ours = refused or isinstance(error, (CredentialsError, NameRefusedError))
    code = 2 if ours else 3
    end_without_answer(f"the cluster cannot be asked: {printable(str(error))}", code)


def end_without_answer(sentence: str, code: int) -> NoReturn:
    """End with an error in the place of what was asked for: a sentence, and a document where that is wanted."""
    click.echo(sentence, err=True)
    if click.get_current_context().params.get("as_json"):
        click.echo(json.dumps({"schema": 1, "exit_code": code, "error": sentence}, indent=2))
    sys.exit(code)
