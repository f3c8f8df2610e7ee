"""The options that say where in a cluster the configuration and the agents' Leases are."""

from typing import Any

import click

from wayhome.cluster.agent_sets import DEFAULT_CONFIGMAP
from wayhome.cluster.look import Places
from wayhome.kube.names import is_key, is_name, is_namespace
from wayhome.kube.objects import Key
from wayhome.kube.status_lease import NAMESPACE


def places(command: Any) -> Any:
    """The options; the command gets `configmap`, `key` and `status_namespace`."""
    for decorate in (
        click.option("--status-namespace", metavar="NAMESPACE", callback=_read_namespace, help="Where the agents' Leases are; default: as the agents' flags say, else wayhome-status."),
        click.option("--key", metavar="KEY", callback=_read_data_key, help="The ConfigMap's key; default: as the agents' flags say, else config."),
        click.option("--configmap", metavar="NAMESPACE/NAME", callback=_read_key, help="The ConfigMap; default: what the agents read, else kube-system/ip-masq-agent."),
    ):  # fmt: skip
        command = decorate(command)
    return command


def places_of(flags: dict[str, Any]) -> Places:
    """What the options say."""
    return Places(flags["configmap"], flags["status_namespace"], flags["key"])


def _read_key(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Key | None:
    if text is None:
        return None
    namespace, slash, name = text.partition("/")
    if not slash:
        namespace, name = DEFAULT_CONFIGMAP[0], text
    if not (is_namespace(namespace) and is_name(name)):
        raise click.BadParameter(f"{text!r} is no ConfigMap; write NAMESPACE/NAME")
    return namespace, name


def _read_namespace(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:  # fmt: skip
    if text is not None and not is_namespace(text):
        raise click.BadParameter(f"{text!r} is no namespace; write {NAMESPACE}")
    return text


def _read_data_key(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:  # fmt: skip
    if text is not None and not is_key(text):
        raise click.BadParameter(f"{text!r} cannot be a ConfigMap's key; write letters, digits, -, _ and .")  # fmt: skip
    return text
