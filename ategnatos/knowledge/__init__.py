"""What is known: data files with source and date, and their typed loader."""
