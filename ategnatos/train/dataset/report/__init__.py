"""The dataset report: the page that an artist reads to the end, and gate 1 of a training.

``decision`` weighs everything into GO or NO-GO, ``sheets`` draws the pictures, ``page`` writes the
text, ``writing`` puts it into the grimoire, ``gate`` says whether it still holds.
"""
