"""Why a download did not become a model file, in words."""

from __future__ import annotations

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.urls import Url
from ategnatos.studio.models.part import Part, Wanted

DOWNLOAD_NOT_MODEL = ErrorCode("download_not_model", "A web page or an error came, not a model.")
DOWNLOAD_DAMAGED = ErrorCode("download_damaged", "The file that came is not the expected one.")
DOWNLOAD_CUT = ErrorCode("download_cut", "The download broke off; what came is kept.")
DOWNLOAD_BUSY = ErrorCode("download_busy", "Another command downloads the same file.")
MODEL_EXISTS = ErrorCode("model_exists", "Another file has that name already.")
NO_SPACE = ErrorCode("no_space", "The file does not fit on the disk.")


def not_model(wanted: Wanted, what: str) -> StudioError:
    return StudioError(
        DOWNLOAD_NOT_MODEL,
        f"What {wanted.url.host} sent for {wanted.path.name} is {what}. It was removed.",
        hint="Most often a token is missing or wrong: 'ategnatos studio secrets check', then"
        " download again.",
        host=wanted.url.host.text,
    )


def damaged(wanted: Wanted, why: str) -> StudioError:
    return StudioError(
        DOWNLOAD_DAMAGED,
        f"{wanted.path.name} is not the file that was expected: {why}. It was removed.",
        hint="Look at the model's page for its size and hash, then download again.",
        path=str(wanted.path),
    )


def cut(wanted: Wanted, part: Part, why: str) -> StudioError:
    whole = f" of {part.whole:,}" if part.whole else ""
    return StudioError(
        DOWNLOAD_CUT,
        f"The download of {wanted.path.name} broke off at {part.size:,}{whole} bytes: {why}."
        + (" What came is kept." if part.validator else ""),
        hint="Run the same command again: it goes on from there."
        if part.validator
        else "Run the same command again; this server cannot go on in the middle.",
        bytes=part.size,
        path=str(part.path),
    )


def unreachable(url: Url, why: str) -> StudioError:
    """Not even a beginning."""
    return StudioError(
        DOWNLOAD_CUT,
        f"{url.host} cannot be reached ({why}). Nothing was downloaded.",
        hint="Look at the network connection and the address, then run the same command again.",
        host=url.host.text,
    )
