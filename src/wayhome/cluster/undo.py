"""The texts that an operator takes away: the command that undoes an apply, and the patch for whoever keeps the ConfigMap.

Pure. The command is kubectl's, so that it works from any machine, and restores the old text byte for byte: JSON with
everything but ASCII escaped, which no terminal obeys and no shell reads. It writes as our field manager, so that the
next apply does not take the text for somebody else's.
"""

import json
import shlex
from collections.abc import Sequence

import yaml

from wayhome.cluster.before import Before
from wayhome.cluster.ownership import MANAGER
from wayhome.cluster.unfinished import PREVIOUS_ANNOTATION, own_keys
from wayhome.kube.canary import CANARY_NODES
from wayhome.kube.objects import Key
from wayhome.kube.resources import EGRESS_NAT_POLICIES
from wayhome.policy import Configuration
from wayhome.policy.lists import lists_for_upstream


def undo_patch(before: Before, *, midway: bool = False) -> str | None:
    """What restores the text, as a merge patch; None where the whole ConfigMap is to go.

    `midway`: the apply has not come to its end, so that what it leaves until then is to go too.
    """
    if not before.existed:
        return None
    data: dict[str, str | None] = {before.data_key: before.text}
    if not midway:
        return json.dumps({"data": data})
    data |= dict.fromkeys(own_keys(before.data_key))
    annotations = dict.fromkeys((CANARY_NODES, PREVIOUS_ANNOTATION))
    return json.dumps({"data": data, "metadata": {"annotations": annotations}})


def undo_command(
    before: Before, connection: Sequence[str], patch: str | None, file: str = ""
) -> str:
    """The command. `connection`: kubectl's flags that lead to the cluster. `file`: holds the patch, if it is long."""
    namespace, name = before.configmap
    words = ["kubectl", *connection]
    where = ["configmap", name, "--namespace", namespace]
    if patch is None:
        return shlex.join([*words, "delete", *where])
    given = ["--patch-file", file] if file else ["--patch", patch]
    return shlex.join(
        [*words, "patch", *where, "--type", "merge", "--field-manager", MANAGER, *given]
    )


def manifest(configmap: Key, data_key: str, text: str) -> str:
    """The ConfigMap with the new text, for a Git repository or a chart: a patch of Kustomize's and a whole manifest."""
    namespace, name = configmap
    head = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
    }
    return yaml.safe_dump(head, sort_keys=False) + "data:\n" + _block(data_key, text)


def egress_nat_policy(configuration: Configuration) -> str:
    """What says the same to GKE, where it writes the agents' ConfigMap itself (Autopilot): its policy `default`.

    Raises TooManyRangesError where the list would be longer than cidrLimit.
    """
    kept = lists_for_upstream(configuration).keep
    policy = {
        "apiVersion": EGRESS_NAT_POLICIES.api_version,
        "kind": "EgressNATPolicy",
        "metadata": {"name": "default"},
        "spec": {"action": "NoSNAT", "destinations": [{"cidr": str(prefix)} for prefix in kept]},
    }
    return yaml.safe_dump(policy, sort_keys=False)


def _block(key: str, text: str) -> str:
    """A literal block where the text can stand in one as it is; else as YAML quotes it."""
    lines = text.splitlines()
    plain = (
        text.endswith("\n")
        and not text.endswith("\n\n")
        and all(line.isprintable() for line in lines)
        and "\n".join(lines) + "\n" == text
        and not text.startswith((" ", "\n"))
    )
    if plain:
        return f"  {key}: |\n" + "".join(f"    {line}\n" if line else "\n" for line in lines)
    return "".join(f"  {line}\n" for line in yaml.safe_dump({key: text}).splitlines())
