"""What a node itself holds, as exported: its nat rules, routes, connections and settings, parsed where they are needed.

What a node holds is what counts; what is derived from the cluster's objects is what it should hold. Where an output is
not there, what is derived stays; nat rules that are there and are not understood are a missing fact.
"""
