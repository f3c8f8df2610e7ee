"""Nat chains as the programs of a node print them, as data, and what becomes of connections in them. Pure.

    nft -j, iptables-save --nft_json, iptables_save--> Rule … in BaseChain … --walk--> Translation …

`agent_chains` and `writers` tell whose rules they are. The text may come from the node on which the command runs
(`kernel.foreign` reads it there) or from an export of a node (`clouds.node_state`), on any machine.
"""
