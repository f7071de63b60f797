"""How much GPU memory a training takes, before it runs and after: the estimate, its calibration,
what a machine taught it, and what to change where it does not fit.
"""
