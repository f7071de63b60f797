"""The art room: prompt to candidates, a person's verdict, a frozen file."""
