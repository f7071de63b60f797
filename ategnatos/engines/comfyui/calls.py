"""What can be asked of a server in one request: upload, look, cancel, and what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ategnatos.engines.comfyui.classes import Classes
from ategnatos.engines.comfyui.errors import NOT_COMFYUI, UPLOAD_FAILED
from ategnatos.engines.comfyui.link import unreachable
from ategnatos.engines.comfyui.patience import Patience
from ategnatos.engines.comfyui.watch import Sighting, Watch
from ategnatos.engines.comfyui.web import NoAnswer, Web
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.address import Address


class Calls:
    """One server over HTTP. ``classes`` is what it says of its node classes."""

    def __init__(self, address: Address, patience: Patience) -> None:
        self.address = address
        self._patience = patience
        self._web = Web(address, patience.answer)
        self._watch = Watch(self._web, patience.confirm)
        self.classes = Classes(self._web)

    async def cancel(self, prompt_id: str) -> None:
        """Stop one prompt, and never another. Raises StudioError (``comfyui_unreachable``)."""
        try:
            await self._watch.cancel(prompt_id)
        except NoAnswer as silence:
            raise unreachable(self.address.url, silence) from silence

    async def upload(
        self, data: bytes, name: str, *, subfolder: str = "", mask: bool = False
    ) -> str:
        """Put a picture into the server's input folder; the name to write into a graph.

        The server renames where another file has the name, so its answer counts. Raises
        StudioError (``comfyui_upload``, ``comfyui_unreachable``).
        """
        fields = {"type": "input", "subfolder": subfolder}
        safe = name.replace("/", "_").replace("\\", "_").replace('"', "'") or "picture.png"
        try:
            answer = await self._web.post_file("/api/upload/image", fields, safe, data)
        except NoAnswer as silence:
            raise unreachable(self.address.url, silence) from silence
        told = answer.json
        if answer.status != 200 or not isinstance(told, dict) or not told.get("name"):
            raise StudioError(
                UPLOAD_FAILED,
                f"ComfyUI did not take the picture {safe!r} (HTTP {answer.status}: "
                f"{answer.text[:120]!r}); nothing was made.",
                hint="It takes files up to its --max-upload-size, 100 MB by default. Make the "
                "picture smaller, or start ComfyUI with a larger limit.",
                status=answer.status,
                bytes=len(data),
            )
        folder, stored = str(told.get("subfolder") or ""), str(told["name"])
        return f"{folder}/{stored}" if folder else stored

    async def look(self, prompt_id: str) -> Sighting:
        """Where a prompt is. Raises StudioError (``comfyui_unreachable``)."""
        try:
            return (await self._watch.look([prompt_id]))[prompt_id]
        except NoAnswer as silence:
            raise unreachable(self.address.url, silence) from silence

    async def model_files(self, folder: str) -> list[dict[str, Any]]:
        """The files of a model folder as the server sees them: name, ``size``, ``modified``.

        Empty where the server does not say (the route is an experiment of ComfyUI's). Raises
        NoAnswer.
        """
        told = (await self._web.get(f"/api/experiment/models/{folder}")).json
        return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []

    async def system(self) -> dict[str, Any]:
        """GET /system_stats: the version and the devices. Raises StudioError."""
        try:
            answer = await self._web.get("/api/system_stats")
        except NoAnswer as silence:
            raise unreachable(self.address.url, silence) from silence
        told = answer.json
        if isinstance(told, dict) and isinstance(told.get("system"), dict):
            return told
        raise StudioError(
            NOT_COMFYUI,
            f"What answers at {self.address.url} is no ComfyUI (HTTP {answer.status}).",
            hint="Give the address of a ComfyUI with --server, or start one there.",
            status=answer.status,
        )
