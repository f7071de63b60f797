"""The page: the studio in a browser on this machine.

It reads the records that the command line reads, and writes only through the same functions. No
module of it is imported before ``ategnatos web`` starts.
"""
