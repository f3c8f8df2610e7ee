"""Agents as far as the cluster sees them: each reads the ConfigMap, and says in its Lease what it makes of it.

What they accept is what the real parser accepts; a node may refuse everything that holds a word, or be silent.
"""

import threading
from typing import Any

from tests.operator.world import World

from wayhome.kube.canary import key_of_node
from wayhome.kube.configmap import Wrong, read_configmap
from wayhome.kube.status_lease import State
from wayhome.policy import Settings, parse


class Agents:
    """`refusing`: what a node does not take, by its name. `silent`: nodes that say nothing."""

    def __init__(
        self,
        world: World,
        *nodes: str,
        refusing: dict[str, str] | None = None,
        silent: tuple[str, ...] = (),
    ) -> None:
        self._world = world
        self._nodes = [node for node in nodes if node not in silent]
        self._refusing = refusing or {}
        self._held: dict[str, tuple[str | None, str]] = dict.fromkeys(nodes, (None, ""))
        self._seen: str | None = "never"
        self._stop = threading.Event()
        self.errors: list[BaseException] = []
        for node in nodes:
            world.node(node)
        self._read()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def held(self, node: str) -> str | None:
        """What its kernel would hold."""
        return self._held[node][0]

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)
        assert not self.errors

    def _run(self) -> None:
        try:
            while not self._stop.wait(0.05):
                self._read()
        except BaseException as error:  # noqa: BLE001  # the test's thread tells it
            self.errors.append(error)

    def _read(self) -> None:
        item = self._world.configmap()
        version = item["metadata"]["resourceVersion"] if item else None
        if version == self._seen:
            return
        self._seen = version
        for node in self._nodes:
            self._tell(node, item, version or "")

    def _tell(self, node: str, item: dict[str, Any] | None, version: str) -> None:
        key = key_of_node(item, item.get("data") or {}, "config", node)[0] if item else "config"
        text = (item.get("data") or {}).get(key) if item else None
        if item is None:
            self._held[node] = (None, "")
            self._world.holds(node, None, "", held_key=key)
            return
        said = read_configmap(("kube-system", "ip-masq-agent"), item, "config", node)
        refused = (
            str(said.findings[0]) if isinstance(said, Wrong) else self._refusal(node, text or "")
        )
        if refused:
            old, old_version = self._held[node]
            more = {"state": State.REJECTED, "error": refused, "seen_version": version}
            self._world.holds(node, old, old_version, **more)
            return
        self._held[node] = (text, version)
        self._world.holds(node, text, version, held_key=key)

    def _refusal(self, node: str, text: str) -> str:
        word = self._refusing.get(node)
        if word and word in text:
            return f"line 1: {word} is nothing for {node}; write something else"
        errors = parse(text.encode(), Settings()).errors
        return str(errors[0]) if errors else ""
