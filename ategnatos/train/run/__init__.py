"""A training run: started so that it outlives the shell, watched, stopped, taken up again.

``keeper.sh`` lives on the machine that trains and starts, shows and ends the trainer. ``record``
is what the studio knows of each run, ``supervise`` the process that follows one.
"""
