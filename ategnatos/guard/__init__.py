"""What must never happen: checks on values from outside, and the human gate."""
