"""The pages of the pack: what a person or an agent reads, with tables made from the data files.

A page lies in ``.claude/skills/SKILL/resources/`` and is called by its path below that, for
example ``train/training/optimizers``. It has five parts in one order (:data:`page.PARTS`). A table
between ``<!-- table NAME -->`` and ``<!-- end table -->`` is rendered from data and never written
by hand.
"""
