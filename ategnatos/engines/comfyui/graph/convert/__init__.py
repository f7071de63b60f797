"""From the editor's format to the graph that a server runs.

``document`` reads the file, ``widgets`` puts values to names, ``scopes`` unfolds subgraphs,
``links`` follows a link to the node that gives the value, ``to_api`` puts it together.
"""

from ategnatos.engines.comfyui.graph.convert.to_api import Conversion, to_api

__all__ = ["Conversion", "to_api"]
