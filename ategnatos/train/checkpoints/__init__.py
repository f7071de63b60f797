"""What a run saved: is it whole, what was known when it was saved, and what may go.

``ledger`` is the record (``ledger.json`` in the run's folder), ``integrity`` looks into the files,
``verifying`` looks again and moves broken ones aside, ``retention`` says which are kept.
"""
