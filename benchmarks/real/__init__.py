"""Real trainers on the processor, driven through the program's own commands.

``walk`` is the path that every trainer goes; a module a trainer (``kohya`` ...) makes the model
that it can load and says what differs. Nothing is downloaded: weights are random, and what is shown
is that the pipeline drives the trainer, not that anything is learnt.
"""
