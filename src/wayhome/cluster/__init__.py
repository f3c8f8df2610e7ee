"""The operator's side of a cluster: what its agents hold, a change of it that is followed to its end, and probes.

Everything here is done with the operator's own rights, through the API server: no node port is opened for it. Agents
are asked through `pods/exec`; a probe from a Pod's own network runs as an ephemeral container in that Pod.
"""
