"""Jobs and their candidates, in one small SQLite database that outlives every process."""
