"""LoRA files as files: what they say, written anew, converted, added up, made smaller.

``file`` reads one piece by piece, ``spelling`` knows the names of layers, ``writing`` puts a file
on the disk whole; ``showing``, ``tagging``, ``converting``, ``merging`` and ``resizing`` do
what their names say.
"""
