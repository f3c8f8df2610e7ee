"""Repairs: each is a change of an estate that is replayed before it is offered."""
