"""What a node itself holds, as exported: its nat rules, routes, connections and settings, parsed where they are needed.

What a node holds is what counts; what is derived from the cluster's objects is what it should hold. Where an output is
not there, what is derived stays; one that is there and is not understood is a missing fact.
"""
