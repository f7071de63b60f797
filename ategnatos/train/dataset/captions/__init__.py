"""Captions: what is said of each picture, and whether a model will learn from it what it should.

``protocol`` puts a caption together, ``tokens`` counts it, ``lint`` judges, ``fixes`` proposes,
``dialects`` converts, ``rounds`` hands pictures to whoever captions and takes the answers.
"""
