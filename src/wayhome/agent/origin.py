"""Where the configuration comes from: upstream's file, Azure's folder of files, or ConfigMaps through the API.

Each goes with how it is written and with the name under which the last good one is remembered: what one of them wrote
means nothing in another. A single ConfigMap is written as upstream's file, so a node that goes over from the one to
the other begins with what it held.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wayhome.agent.arguments import Options
from wayhome.agent.command_line import Dialect
from wayhome.agent.folder_source import FolderSource
from wayhome.agent.keeper import Source
from wayhome.agent.logs import Log
from wayhome.agent.memory import Memory
from wayhome.agent.source import FileSource
from wayhome.agent.watch import SourceWatch
from wayhome.policy.configmaps import SEVERAL
from wayhome.policy.file_format import UPSTREAM, FileFormat
from wayhome.policy.fragments import AZURE

if TYPE_CHECKING:
    from wayhome.agent.api_source import ApiSource
    from wayhome.kube.client import Client


class NoOriginError(Exception):
    """Nothing says where the configuration could come from; its text says what to write."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One of them. Its news come from `watch`, or in API mode from `api`."""

    source: Source
    file_format: FileFormat
    memory: Memory
    watch: SourceWatch | None = None
    api: "ApiSource | None" = None
    client: "Client | None" = None
    """Who speaks with the API, in API mode."""


def origin_of(options: Options, log: Log) -> Origin:
    """The one that the flags name. Raises NoOriginError where the way to the API cannot be known."""
    if options.api:
        # It brings ssl, which file mode does without.
        from wayhome.agent.api import open_client, open_source  # noqa: PLC0415
        from wayhome.kube.errors import CredentialsError  # noqa: PLC0415

        try:
            client = open_client(options.api)
        except CredentialsError as error:
            raise NoOriginError(str(error)) from error
        source = open_source(options.api, client)
        one = len(options.api.configmaps) == 1
        memory = Memory(options.state) if one else Memory(options.state, "last-good-configmaps")
        return Origin(source, UPSTREAM if one else SEVERAL, memory, api=source, client=client)
    if options.dialect is Dialect.AZURE:
        return Origin(
            FolderSource(options.config),
            AZURE,
            Memory(options.state, "last-good-files"),
            SourceWatch(options.config, log),
        )
    return Origin(
        FileSource(options.config),
        UPSTREAM,
        Memory(options.state),
        SourceWatch(options.config.parent, log),
    )
