"""A dataset in the folders that a trainer reads, and what that trainer will make of it.

``arithmetic`` counts repeats and steps, ``buckets`` sorts sizes as each trainer does, ``concepts``
and ``split`` say which picture goes where, ``layout`` plans the files, ``kohya``, ``ai_toolkit``
``simpletuner`` and ``starter`` know one trainer each, ``stage`` puts it on the disk.
"""
