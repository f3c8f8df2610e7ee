"""What a cloud exports, as typed resources, and what follows from it.

`read` makes an `Estate` of a directory of exports; the folders of the clouds hold their resources, what each cloud
derives from them (subnet routes, the exchange of a peering, implied rules), and the compilation to `network`.
"""
