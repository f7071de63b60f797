"""Prompts as text with parts: changing one thing and keeping the rest."""
