"""Which save of a training is good: the same pictures from each, numbers, and people's votes.

``record`` is what an evaluation says, ``planning`` and ``making`` make its pictures, ``measuring``
counts, ``votes`` and ``bradley_terry`` rank blind comparisons, ``verdict`` is a person's word.
"""
