"""Google's network as nodes, ports, links, rules and tables: what `compile_gcp` makes of an estate.

A VPC network is one node, its fabric, with a port for each interface, peering, tunnel and attachment, and one to the
internet. What the parts have in common is in `parts`; each other module compiles one kind of thing.
"""
