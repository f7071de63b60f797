"""The first training of a newcomer: sixteen packaged owls become a LoRA, on the processor.

``owl`` makes the record (two datasets, a plan) and lays it out, ``process`` runs the trainer,
``sweep`` draws what the LoRA does at several weights. No gate is involved and none is claimed.
"""
