"""What is spent: reservations, settlements and rented machines, as rows beside the jobs.

Every function runs inside a transaction that it is handed, so that a reservation and the intent
to send are one commit. What is allowed is policy and comes as an argument (``guard/budget``).
"""
