"""Collecting exports with the read-only commands of gcloud and kubectl, without the secrets that they print.

`commands` says what is asked for, and what follows from an answer; `prune` keeps of an answer what a resource names;
`node` is a node's own state; `collector` runs it all and writes `collected.json`.
"""
