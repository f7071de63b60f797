"""Providers that do not exist: servers that answer as the real ones do, and go wrong on demand.

They answer with recorded fixtures (``tests/providers/recorded``), hold their requests against the
providers' own OpenAPI documents, and keep their own books, so that a test can ask what a real bill
would have been.
"""
