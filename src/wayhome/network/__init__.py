"""The neutral model of a network that clouds are compiled to: no cloud's name occurs in it."""
