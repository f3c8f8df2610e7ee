"""A test's hand on a server in another process: paths that no API has, below /_test/.

POST /_test/faults     {"action": "answer", "verb": "watch", "code": 429, …}   as faults.Fault
DELETE /_test/faults
POST /_test/watches    {"action": "break" | "end" | "expire" | "mute"}
POST /_test/history    {"action": "forget"}, {"action": "elsewhere", "writes": 7}
POST /_test/tokens     {"token": …, "user": …, "seconds": …}
POST /_test/rules      {"user": …, "verbs": […], "resources": […], …}          as rights.Rule
POST /_test/containers {"namespace": …, "pod": …, "prefix": […], …}            as containers.Place
POST /_test/subprotocols {"spoken": […]}                                        of pods/exec
POST /_test/clock      {"ahead": 7200}                                          seconds
GET  /_test/calls      what was asked so far, as calls.Call
"""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tests.kube.api_server.clock import Clock
from tests.kube.api_server.containers import Place
from tests.kube.api_server.faults import Action, Fault
from tests.kube.api_server.request import Request
from tests.kube.api_server.rights import Rule

if TYPE_CHECKING:
    from tests.kube.api_server.server import ApiServer

PREFIX = "/_test/"


def controlled(server: "ApiServer", request: Request) -> Any:
    """Do it, and return what is answered. Raises KeyError, TypeError or ValueError for what is none of these."""
    given: dict[str, Any] = json.loads(request.body or b"{}")
    match request.method, request.path.removeprefix(PREFIX):
        case "GET", "calls":
            return [asdict(call) for call in server.calls]
        case "POST", "faults":
            server.faults.add(Fault(**{**given, "action": Action(given["action"])}))
        case "DELETE", "faults":
            server.faults.clear()
        case "POST", "watches":
            {
                "break": server.break_watches,
                "end": server.end_watches,
                "expire": server.expire_watches,
                "mute": server.mute_watches,
            }[given["action"]]()
        case "POST", "history":
            if given["action"] == "forget":
                server.store.forget()
            else:
                server.store.elsewhere(given["writes"])
        case "POST", "tokens":
            server.rights.issue(given["token"], given["user"], given.get("seconds"))
        case "POST", "rules":
            user = given.pop("user")
            lists = {name: tuple(v) for name, v in given.items() if isinstance(v, list)}
            server.rights.grant(user, Rule(**{**given, **lists}))
        case "POST", "containers":
            pod = (given.pop("namespace"), given.pop("pod"))
            given |= {name: tuple(v) for name, v in given.items() if isinstance(v, list)}
            server.containers.places[pod] = Place(**given)
        case "POST", "clock":
            Clock.ahead = float(given["ahead"])
        case "POST", "subprotocols":
            server.execs.spoken = tuple(given["spoken"])
        case _:
            raise ValueError(f"{request.method} {request.path} is none of them")
    return {}
