"""Graphs of nodes: what a server offers, building, checking, converting, comparing, templates.

Pure: JSON values in, JSON values out. Nothing here opens a socket; :mod:`.catalogue` is handed
the functions that fetch.
"""
