"""Renting a machine so that none is lost: intent, one send, search for what it made, end, proof.

``plan`` says what it will cost, ``create`` orders it, ``search`` finds what an answer that was
lost has made (for the one who waits, and for the reaper), ``ending`` ends it and proves that.
"""
