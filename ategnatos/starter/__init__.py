"""The starter model: a small text-to-image model that runs by numpy alone.

Its weights lie in the stock Stable Diffusion layout, so that diffusers reads the same files.
``pipeline`` is the way in; one idea a file; nothing is imported here.
"""
