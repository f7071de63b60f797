"""Model files on this machine: found, known by hash and header, downloaded and verified.

``header`` reads a file's table of tensors, ``recognise`` says what it is, ``lora_facts`` how it
was trained; ``scan`` keeps the inventory; ``download`` and ``fetch`` bring new ones.
"""
