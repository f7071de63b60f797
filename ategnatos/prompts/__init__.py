"""Prompts as text with parts: read, print, weigh, convert, check, change, build.

Pure functions over text and data. Nothing here reads the record, an engine or a model; what a
model family wants comes in as facts (``knowledge/dialects.py``, the family files).
"""
