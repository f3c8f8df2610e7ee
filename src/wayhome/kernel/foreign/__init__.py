"""The rules of others that translate sources, as far as an operator asks for them.

    nft, iptables-save --read--> BaseChain … --walk--> Translation … --conflicts--> Conflict …
                                             --takeover--> AgentChain …, Differences, the text that removes them

Reading starts the node's own programs as child processes, so that one that crashes, hangs or prints without end costs
an error message. Everything after it is pure; what the rules are and do is `netfilter`'s.

The agent's loop uses nothing of this. Where it is asked to look (`--observe`, `--conflict-interval`), it has `look` do it
in a process of its own and reads its `report`. Two small modules are for the agent itself, at its regular verification:
`links` (do Pods talk, and does Cilium run here) and `forwarded` (does netfilter see them).
"""
