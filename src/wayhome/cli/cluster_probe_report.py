"""What a probe has seen, for people and for programs.

Per protocol a line from the Pod, one from its node, and what both mean. Where a packet was seen to leave the node, and
with which address, is said with the Pod's attempt, because that is what the target has to know a way home for.
"""

from collections.abc import Iterator
from dataclasses import asdict

from wayhome.cli.printable import printable
from wayhome.cluster.probe import Probed, View
from wayhome.cluster.probe_attempt import Attempt, Outcome


def lines(probed: Probed) -> Iterator[str]:
    """The report."""
    pod, node = f"Pod {probed.pod}", f"node {probed.pod.node}"
    width = max(len(pod), len(node))
    yield f"{probed.pod} on {probed.pod.node}, to {printable(str(probed.question.target))}"
    for judged in probed.judged:
        yield ""
        yield f"{judged.protocol.value.upper()}: {printable(judged.sentence)}"
        if not probed.from_pod.problem:
            yield f"  {pod:<{width}}  {printable(_said(judged.pod, probed))}"
        if not probed.from_node.problem:
            yield f"  {node:<{width}}  {printable(_said(judged.node))}"
    yield from _problems(probed, pod, node)
    if probed.used and probed.used.added:
        yield ""
        yield (
            f"The ephemeral container {probed.used.name} was added to the Pod. It ends within a quarter of an hour and is used "
            "again until then; Kubernetes cannot remove it."
        )


def document(probed: Probed) -> dict[str, object]:
    """What json.dumps takes."""
    return {
        "schema": 1,
        "pod": str(probed.pod),
        "node": probed.pod.node,
        "target": str(probed.question.target),
        "from_pod": _view(probed.from_pod),
        "from_node": _view(probed.from_node),
        "protocols": [
            {"protocol": each.protocol.value, "meaning": each.meaning.value, "sentence": each.sentence}
            for each in probed.judged
        ],
        "ephemeral_container": probed.used.name if probed.used else None,
    }  # fmt: skip


def _problems(probed: Probed, pod: str, node: str) -> Iterator[str]:
    for where, view in ((pod, probed.from_pod), (node, probed.from_node)):
        if view.problem:
            yield ""
            yield f"{where} could not be asked: {printable(view.problem)}"
    ours, theirs = probed.from_pod.tried.address, probed.from_node.tried.address
    if ours and theirs and ours != theirs:
        yield ""
        yield f"the name is {ours} for the Pod and {theirs} for the node: these are two targets"


def _said(attempt: Attempt | None, probed: Probed | None = None) -> str:
    if attempt is None:
        return "not attempted"
    parts = [attempt.detail or ("reached" if attempt.outcome is Outcome.REACHED else "failed")]
    if attempt.outcome is Outcome.REACHED and attempt.milliseconds is not None:
        parts[0] += f" in {attempt.milliseconds:.1f} ms"
    if attempt.seen_as:
        parts.append(f"seen as {attempt.seen_as}")
    if probed and attempt.left_as:
        own = ", the Pod's own address" if attempt.left_as in probed.pod.addresses else ""
        parts.append(f"left the node as {attempt.left_as}{own}")
    return "; ".join(parts)


def _view(view: View) -> dict[str, object]:
    return {
        "problem": view.problem or None,
        "address": view.tried.address,
        "attempts": [asdict(attempt) for attempt in view.tried.attempts],
    }
