"""The bytes of pictures: only those that were made, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from ategnatos.art.references import parse_candidate
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import sha256_bytes
from ategnatos.grimoire.jobs import database, store
from ategnatos.web import thumbnails
from ategnatos.web.answers import project_of

if TYPE_CHECKING:
    from starlette.requests import Request

# The address holds the hash, so what it answers never changes.
FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}
KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
_NEVER = {"cache-control": "no-store"}


def picture(request: Request) -> Response:
    """The whole picture, to the byte."""
    return _answer(request, small=False)


def thumbnail(request: Request) -> Response:
    """The small one."""
    return _answer(request, small=True)


def _answer(request: Request, *, small: bool) -> Response:
    project = project_of(request)
    name, sha256 = request.path_params["name"], request.path_params["sha256"]
    try:
        with database.connect(project) as db:
            one = store.get_candidate(db, *parse_candidate(name.replace("-", "#")))
    except StudioError as error:
        return gone(error.code.code, error.message)
    path = project.root / one.path
    if one.sha256 != sha256:
        return gone("bytes_changed", f"{one.reference} is another picture by now.")
    if not path.resolve().is_relative_to(project.workspace.resolve()):
        return gone("file_gone", f"The file of {one.reference} lies outside of the workspace.")
    try:
        if small:
            found = thumbnails.thumbnail(path, sha256)
        else:
            data = path.read_bytes()
            found = data if sha256_bytes(data) == sha256 else None
    except StudioError as error:
        return gone(error.code.code, error.message)
    except OSError:
        return gone("file_gone", f"The file of {one.reference} is not on disk.")
    if found is None:
        return gone(
            "bytes_changed",
            f"The file of {one.reference} was changed on disk: it is not shown, and cannot be"
            " approved.",
        )
    kind = thumbnails.MEDIA_TYPE if small else KINDS.get(path.suffix.lower(), KINDS[".png"])
    return Response(found, media_type=kind, headers=FOR_EVER)


def gone(code: str, message: str) -> Response:
    """The refusal of a picture that cannot be shown."""
    return JSONResponse({"error": {"code": code, "message": message}}, 410, headers=_NEVER)
