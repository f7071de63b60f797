"""Values from outside, read into types: hosts and URLs, paths, names, numbers, JSON files.

One parser a kind. Each returns the value or raises StudioError in words that name the field;
none of them evaluates, expands or runs anything, and none looks a name up on the network.
"""
