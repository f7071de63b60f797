"""Making the starter model: sprites and captions, text encoder, training, export, evaluation.

`python -m tools.starter all --run FOLDER` reproduces the shipped weights; README.md says more.
"""
