"""A machine behind the system's ssh: commands, files, phases that outlive the line.

``link`` runs commands, ``phases`` work that goes on without us, ``transfer`` files, ``forward``
ports, ``pins`` remembers host keys. Argument lists throughout; checks of host keys are never off.
"""
