"""The command line, one Typer module a room, imported only when its room is entered."""
