"""Datasets: a record of pictures by hash, with source, rights and captions, in versions.

``version`` is what a version says, ``record`` reads and changes it, ``store`` keeps the files;
the folders beside them look at the pictures (``audit``) and work on the record.
"""
