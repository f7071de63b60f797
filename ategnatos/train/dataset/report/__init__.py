"""The dataset report: the page that an artist reads to the end, and gate 1 of a training.

``decision`` weighs everything into GO or NO-GO, ``sheets`` draws the pictures, ``page`` writes the
text, ``writing`` puts it into the grimoire, ``gate`` says whether it still holds.
"""

# What gate 1 reads, known without all that makes a report.
EVENT = "dataset.report"
GO, NO_GO = "GO", "NO-GO"
