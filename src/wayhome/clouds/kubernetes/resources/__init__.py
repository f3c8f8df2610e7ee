"""Kubernetes objects as `kubectl get … -o json` prints them.

Secrets have no type here and are skipped whole. Of other objects, what often carries one is not read either:
annotations (they repeat what was applied) and the environment of containers; and of ConfigMaps only the keys, but for
those of a masquerade agent.
"""
