"""Ategnatos: the art studio that an AI coding agent runs and a human directs.

This file imports nothing: a room is imported only when it is entered.
"""
