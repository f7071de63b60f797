"""How pictures come in: ``naming`` makes safe names, ``folder``, ``archive`` and ``studio`` find
what a source offers, ``bring`` stores it and makes the next version.
"""
