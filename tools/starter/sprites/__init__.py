"""Procedural 32x32 sprites: `draw` makes index maps, `palette` colours them.

canvas.py paints; gear, treasure, nature and creatures hold the drawings; owl.py is the LoRA demo.
"""

from .palette import colour_tables, table
from .sprite import DRAWERS, Look, draw

__all__ = ["DRAWERS", "Look", "colour_tables", "draw", "table"]
