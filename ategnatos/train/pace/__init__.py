"""How long a training takes and what it costs: from a table, then from a dry run, then from the
run itself.
"""
