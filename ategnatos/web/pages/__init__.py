"""One module a page: its handlers, and what they read."""
