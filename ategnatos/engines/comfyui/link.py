"""The errors that a whole server is to blame for."""

from __future__ import annotations

from ategnatos.engines.comfyui.errors import SILENT, UNREACHABLE
from ategnatos.engines.comfyui.web import NoAnswer
from ategnatos.grimoire.errors import StudioError

_WHY = {
    "refused": "nothing listens there",
    "silent": "it did not answer in time",
    "broken": "it broke the connection off",
}


def unreachable(server: str, silence: NoAnswer) -> StudioError:
    """Nobody answered, and nothing was begun."""
    return StudioError(
        UNREACHABLE,
        f"No ComfyUI answered at {server}: {_WHY[silence.why]}. Nothing was made.",
        hint="Start it ('ategnatos studio comfyui start'), open the tunnel to it, or name "
        "another one with --server HOST:PORT.",
        server=server,
        why=silence.why,
    )


def stopped_answering(server: str, silence: NoAnswer) -> StudioError:
    """The server went away while it worked."""
    return StudioError(
        SILENT,
        f"ComfyUI at {server} stopped answering while it worked ({silence}); "
        "what it was making is lost, unless the connection is all that broke.",
        hint="Look at it ('ategnatos studio comfyui status' and 'logs'): a machine that ran "
        "out of memory kills it without a word. Start it and run the same command again.",
        server=server,
        why=silence.why,
    )
