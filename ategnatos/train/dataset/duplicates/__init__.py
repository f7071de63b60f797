"""Which pictures are the same: ``fingerprint`` looks at one, ``hashes`` are imagehash's values,
``near`` finds pairs worth a second look, ``second_look`` decides, ``groups`` says what to keep.
"""
