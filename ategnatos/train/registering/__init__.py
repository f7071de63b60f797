"""A chosen LoRA taken into use, and out of use again.

``placing`` puts the file where an engine finds it, ``registering`` writes the record, ``undoing``
takes both back.
"""
