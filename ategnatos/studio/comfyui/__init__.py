"""The life of a ComfyUI server: found, judged, started, watched and ended.

``detect`` and ``installs`` find, ``check`` judges, ``start`` and ``stop`` end what they began,
and ``comfy_cli`` installs through the program of that name. Making pictures is the engine's.
"""
