"""Repairs in a lab: what a diagnosis proposes, with real packets and with the programs that a repair brings.

demonstration       what is to be tried of each: its network, and who asks whom, in both directions (pure)
claims              what a case says of its repairs, before anything is traced or tried (pure)
running, outcome    tries one, and what was seen of it
nginx               the proxy, with the configuration that the repair itself writes
balancers, health   a load balancer whose backends are checked, and left out while they fail
stream, survival    what is lost of a steady stream of requests when one of them dies
"""
