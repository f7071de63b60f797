"""Brings a file from the server: whole, verified as what its name says, or an error.

Getting a file twice harms nobody, so a connection that breaks is tried again. What is kept on
disk appears under its name only once it is whole and verified.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ategnatos.engines.comfyui.errors import OUTPUT_BROKEN, SILENT
from ategnatos.engines.comfyui.kinds import Kind, NotWhatItSays, check
from ategnatos.engines.comfyui.outputs import FileRef, Output
from ategnatos.engines.comfyui.web import NoAnswer, Web
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import TEMPORARY_PREFIX, explained, temporary_name, write_atomic

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.patience import Patience

_TRIES_OF_A_BROKEN_FILE = 3
Place = Callable[[FileRef], Path]


class Gone(Exception):  # noqa: N818 - a fact that the client acts on: the file is made again
    """The server names the file and does not have it."""

    def __init__(self, ref: FileRef) -> None:
        super().__init__(ref.filename)
        self.ref = ref


def place_in(folder: Path) -> Place:
    """Where files go below ``folder``: their subfolder and name, whatever the server calls them.

    A name is never a way out of the folder; a file that stands there is never written over.
    """
    taken: set[Path] = set()

    def place(ref: FileRef) -> Path:
        inner = PurePosixPath(ref.subfolder.replace("\\", "/"), ref.filename.replace("\\", "/"))
        parts = [part for part in inner.parts if part not in ("/", "..", ".") and part.strip(".")]
        safe = [part.replace("\0", "").replace(":", "_") for part in parts] or ["output"]
        path = first = folder.joinpath(*safe)
        count = 1
        while path in taken or path.exists():
            count += 1
            path = first.with_name(f"{first.stem} ({count}){first.suffix}")
        taken.add(path)
        return path

    return place


async def fetch(web: Web, ref: FileRef, patience: Patience, place: Place | None = None) -> Output:
    """The file behind ``ref``, in memory or where ``place`` says.

    Raises Gone, StudioError (``comfyui_output_broken``, ``comfyui_silent``).
    """
    loop = asyncio.get_running_loop()
    unanswered_since: float | None = None
    broken = 0
    while True:
        try:
            if place is None:
                return await _into_memory(web, ref)
            return await _onto_disk(web, ref, place)
        except NoAnswer as error:
            unanswered_since = unanswered_since or loop.time()
            if loop.time() - unanswered_since > patience.gone:
                raise _unanswered(ref, error) from error
        except NotWhatItSays as error:
            broken += 1
            unanswered_since = None
            if broken >= _TRIES_OF_A_BROKEN_FILE:
                raise _broken(ref, str(error)) from error
        await asyncio.sleep(patience.retry)


def verified(ref: FileRef, data: bytes, place: Place | None) -> Output:
    """A file that came over the socket, checked and kept where ``place`` says.

    Raises StudioError (``comfyui_output_broken``).
    """
    try:
        kind = check(io.BytesIO(data), len(data), ref.filename)
    except NotWhatItSays as error:
        raise _broken(ref, str(error)) from error
    if place is None:
        return _output(ref, kind, len(data), data=data)
    path = place(ref)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data)
    return _output(ref, kind, len(data), path=path)


async def _into_memory(web: Web, ref: FileRef) -> Output:
    answer = await web.fetch("/api/view", ref.query)
    _found(answer.status, ref)
    data = answer.content
    return _output(ref, check(io.BytesIO(data), len(data), ref.filename), len(data), data=data)


async def _onto_disk(web: Web, ref: FileRef, place: Place) -> Output:
    path = place(ref)
    temporary = path.parent / temporary_name()
    assert temporary.name.startswith(TEMPORARY_PREFIX)
    with explained(path, "The file stands at the server still."):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            async with web.stream("/api/view", ref.query) as (status, pieces):
                _found(status, ref)
                with temporary.open("wb") as file:
                    async for piece in pieces:
                        file.write(piece)
            size = temporary.stat().st_size
            with temporary.open("rb") as file:
                kind = check(file, size, ref.filename)
            # A link, unlike a rename, refuses to replace what somebody else put there meanwhile.
            while True:
                try:
                    path.hardlink_to(temporary)
                    break
                except FileExistsError:
                    path = place(ref)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
    return _output(ref, kind, size, path=path)


def _found(status: int, ref: FileRef) -> None:
    if status == 404:
        raise Gone(ref)
    if status >= 500:
        raise NotWhatItSays(f"the server answered HTTP {status} instead of it")
    if status >= 300:
        raise _broken(ref, f"the server refused to hand it out (HTTP {status})")


def _output(
    ref: FileRef, kind: Kind, size: int, *, data: bytes | None = None, path: Path | None = None
) -> Output:
    return Output(
        ref, kind.mime, size, kind.width, kind.height, kind.frames, kind.verified, data, path
    )


def _broken(ref: FileRef, why: str) -> StudioError:
    return StudioError(
        OUTPUT_BROKEN,
        f"The output {ref.filename!r} of node {ref.node} is not what its name says: {why}. "
        "It was not kept.",
        hint="Look at it in ComfyUI's output folder; if it is broken there too, the save node or "
        "the disk of that machine is at fault. Run the same command again to make it anew.",
        filename=ref.filename,
        subfolder=ref.subfolder,
        node=ref.node,
    )


def _unanswered(ref: FileRef, error: NoAnswer) -> StudioError:
    return StudioError(
        SILENT,
        f"ComfyUI made {ref.filename!r} and then stopped answering ({error}); it was not fetched.",
        hint="The file is in ComfyUI's output folder. See whether the server still runs with "
        "'ategnatos studio comfyui check', then run the same command again.",
        filename=ref.filename,
        subfolder=ref.subfolder,
    )
