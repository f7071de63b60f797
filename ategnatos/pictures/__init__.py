"""Contact sheets, metadata, export and fit: pictures as files, whoever made them.

Bytes and paths in, bytes and facts out; nothing here writes a record or a file.
"""
