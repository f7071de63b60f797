"""One pass over the pictures: ``look`` decodes one and measures it, ``measure`` is arithmetic on
its pixels, ``workers`` runs many at once, ``kept`` remembers, ``findings`` says what is wrong.
"""
