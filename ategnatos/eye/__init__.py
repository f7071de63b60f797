"""The eye: what a person likes, each taste with the verdicts and statements behind it.

The journal is the truth; the document ``eye`` is folded from it (:mod:`~ategnatos.eye.fold`),
written here and nowhere else, and read by whoever makes pictures (:mod:`~ategnatos.eye.acting`).
"""
