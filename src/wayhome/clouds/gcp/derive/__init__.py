"""What Google's network derives from its configuration: the routes that hold in each VPC network.

`effective_routes` answers for a whole estate. Subnet routes, the exchange between peered networks and the reach of
dynamic routes are worked out from the resources that cause them; the routes that an export lists beside them are used
only where those resources were not exported, and otherwise to check the result (`cross_check`).
"""
