"""Repairs in a lab: the programs that some of them need, running for real.

nginx               the proxy, with the configuration that the repair itself writes
balancers, health   a load balancer whose backends are checked, and left out while they fail
stream, survival    what is lost of a steady stream of requests when one of them dies
"""
