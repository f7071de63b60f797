"""How much may be spent, and who may change that: the configuration, its approval, the caps.

Nothing here sends or counts; the rows are in ``grimoire/spend`` and the watchdog in ``studio``.
"""
