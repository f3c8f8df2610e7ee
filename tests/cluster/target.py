"""An API server that the scenarios run against: that of the tests, or the one that KUBECONFIG names.

Nothing here asks which of the two it is. What a scenario takes is asked of the server itself: whether it has nodes,
whether controllers run beside it, what it serves.
"""

import copy
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.admin import Admin, Object
from tests.cluster.outside import FOLDER, NOT_GIVEN, UNREACHED, address
from tests.cluster.relay import Server
from tests.kube.api_server.__main__ import kubeconfig
from tests.kube.server_process import ServerProcess, certified


@dataclass(frozen=True, slots=True)
class Target:
    """`kubeconfig`: of somebody who may do everything. `server`: how a relay reaches it."""

    kubeconfig: Object
    server: Server

    def at(self, port: int, user: Object | None = None) -> Object:
        """The kubeconfig for a network in which a relay listens on `port`, perhaps as somebody else."""
        found: Object = copy.deepcopy(self.kubeconfig)
        cluster = found["clusters"][0]["cluster"]
        scheme, _, rest = cluster["server"].partition("://")
        path = rest.partition("/")[2]
        cluster.setdefault("tls-server-name", address(cluster["server"])[0])
        cluster["server"] = f"{scheme}://127.0.0.1:{port}" + (f"/{path}" if path else "")
        if user is not None:
            found["users"] = [{**found["users"][0], "user": user}]
        return found


class OwnServer(ServerProcess):
    """The tests' API server, over TLS, where only an administrator may do anything."""

    def __init__(self, folder: Path) -> None:
        self.authority, files = certified(folder)
        super().__init__(folder, "--closed", *files)

    def target(self) -> Target:
        found: Any = kubeconfig(self.url)
        cluster = {"server": self.url, "certificate-authority-data": self.authority}
        found["clusters"][0]["cluster"] = cluster
        return Target(found, address(self.url))


def given() -> Target | str:
    """What KUBECONFIG names, or why there is none."""
    if FOLDER not in os.environ:
        return os.environ.get(UNREACHED, NOT_GIVEN)
    folder = Path(os.environ[FOLDER])
    return Target(json.loads((folder / "kubeconfig").read_text()), folder / "socket")


@dataclass(frozen=True, slots=True)
class Abilities:
    """`controllers`: namespaces are emptied and removed by somebody. `nodes`: it has nodes of its own."""

    controllers: bool
    nodes: bool

    @classmethod
    def of(cls, admin: Admin) -> "Abilities":
        # Where a controller manager runs, every namespace gets an account of this name.
        account = admin.find("/api/v1/namespaces/kube-system/serviceaccounts/default")
        return cls(account is not None, bool(admin.ask("GET", "/api/v1/nodes?limit=1")["items"]))
