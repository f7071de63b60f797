"""What a dataset shows and what it lacks: ``coverage`` counts, ``sizes`` advises, ``shopping``
says in plain words what to add and what to leave out.
"""
