"""``train gates``, ``confirm``, ``environment`` and ``dry-run``: the way to a run."""
