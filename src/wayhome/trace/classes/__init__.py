"""Classes of flows that nothing in a network tells apart: exact, for all addresses and ports, with one trace for each."""

from wayhome.trace.classes.classes import Box, FlowClass, Space, classes, divided

__all__ = ["Box", "FlowClass", "Space", "classes", "divided"]
