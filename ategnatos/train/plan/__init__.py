"""The plan of a training. What a plan is lives in ``ategnatos/trainers/plan.py``, where the
trainers can see it; here it is made from presets, kept in versions, explained and laid out.
"""

from ategnatos.trainers.plan import PLAN_INVALID, Plan, Sample, read

__all__ = ["PLAN_INVALID", "Plan", "Sample", "read"]
