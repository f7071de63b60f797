"""What the studio's own two trainers share: ``starter`` in numpy and ``accelerate`` in torch.

``translation`` and ``losses`` are what both make of a plan, ``order`` reads the order file,
``program`` is the loop of the process that trains, ``log`` what it says and how that is read.
"""
