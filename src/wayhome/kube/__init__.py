"""The Kubernetes API as the agent and `wayhome cluster` need it: a few verbs, and one list-and-watch loop.

A client of our own on asyncio's streams, and no library. Measured on Python 3.11 in a process that has imported the
agent, watching one ConfigMap over TLS: 29 MiB resident with this package, 39 with lightkube 1.0.1 (httpx2, msgspec).
What the library would give besides is what a watch cannot use: its read has no deadline, its 410 as a status is
retried with the version that is gone, it cannot ask for bookmarks, and its errors stay HTTP's. And the agent needs
five verbs on four resources.

- `client` speaks: list, watch, get, create, replace, patch, apply, delete; each raises what `errors` holds.
- `reflector` lists and watches one selection for ever, and tells a listener what changed; `collection` is its pure half.
- `configmap` is what a ConfigMap says to an agent; `configmap_watch` watches some of them.
- `in_cluster` and `kubeconfig` say where the API is and who asks.

`client` imports ssl, and an agent in file mode nothing of all this.
"""
