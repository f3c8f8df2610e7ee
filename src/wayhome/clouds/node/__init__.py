"""What a node itself holds, as exported: its nat rules, routes, connections and settings, parsed where they are needed.

What a node holds is what counts; what is derived from the cluster's objects is what it should hold. An output that is
not there, or is not what its command prints, says nothing, and what is derived stays.
"""
