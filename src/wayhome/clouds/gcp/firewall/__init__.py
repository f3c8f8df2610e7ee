"""Google's firewalls: what a network's rules and policies let in to, and out of, one interface.

`Firewalls(estate, addresses)` makes `network.Filter`s; interfaces that no rule tells apart share one.
"""
