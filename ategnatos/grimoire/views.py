"""Views: what people read. Rendered from the documents, read-only, and checked for edits.

The first line of a view says that it is generated and carries the hash of the JSON it was
rendered from and of the text below it, so that an edit of either is seen.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import (
    read_whole,
    sha256_bytes,
    temporary_name,
    write_all,
    write_atomic,
)
from ategnatos.grimoire.project import Project

if TYPE_CHECKING:
    from ategnatos.grimoire.schemas.base import Document

VIEW_FAILED = ErrorCode("view_failed", "The change is recorded; its view could not follow.")

# Raised when the same document is drawn differently: an older view is then stale, not edited.
LAYOUT = 1

_HEADER = re.compile(
    rb"<!-- GENERATED - DO NOT EDIT\. .*\(json ([0-9a-f]{16}), text ([0-9a-f]{16}), layout (\d+)\)"
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a view says about itself: two hashes of 16 hex digits, and its layout."""

    json_hash: str
    text_hash: str
    layout: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A rendered view that waits beside the old one for its document to be on the disk."""

    temporary: str
    view: str
    replaces: bool

    def publish(self) -> None:
        """Put the view in place; the old one stays beside it as ``.bak``.

        Not synced: a view that a power cut spoils is found by ``check`` and rendered again.
        Raises StudioError (``view_failed``): the document itself is changed by then.
        """
        try:
            if self.replaces:
                try:
                    os.link(self.view, f"{self.view}.bak")
                except OSError:  # a file system without links, such as exFAT
                    os.rename(self.view, f"{self.view}.bak")  # noqa: PTH104
            os.rename(self.temporary, self.view)  # noqa: PTH104
        except OSError as error:
            raise StudioError(
                VIEW_FAILED,
                f"The change is recorded, but {self.view} could not be replaced"
                f" ({error.strerror or error}) and shows the state before.",
                hint="Put right what stops the writing, then run 'ategnatos grimoire render'.",
                view=self.view,
            ) from error

    def discard(self) -> None:
        """Take it back: the document was not changed."""
        os.unlink(self.temporary)  # noqa: PTH108


def path_of(project: Project, name: str) -> Path:
    """Where a document's view lies."""
    return project.grimoire / f"{name}.md"


def split(content: bytes) -> tuple[Header | None, bytes]:
    """Header (None where there is none of ours) and text of a view."""
    first, _, text = content.partition(b"\n")
    match = _HEADER.match(first)
    if match is None:
        return None, content
    return Header(match[1].decode(), match[2].decode(), int(match[3])), text


def is_handwritten(content: bytes) -> bool:
    """Whether this program did not write it: it has no first line of ours."""
    return split(content)[0] is None


def is_edited(content: bytes) -> bool:
    """Whether the text is not the one its first line was written for."""
    header, text = split(content)
    return header is None or header.text_hash != sha256_bytes(text)[:16]


def render(model: Document, raw: bytes) -> bytes:
    """The view of ``model``, whose file holds ``raw``."""
    text = ("\n" + model.body()).encode()
    header = (
        f"<!-- GENERATED - DO NOT EDIT. Use {model.modify_with} to modify: manual edits will be"
        f" overwritten. Source: grimoire/.state/{model.name}.json"
        f" (json {sha256_bytes(raw)[:16]}, text {sha256_bytes(text)[:16]}, layout {LAYOUT}) -->\n"
    )
    return header.encode() + text


def prepare(
    project: Project, model: Document, raw: bytes, *, replace_handwritten: bool = False
) -> Prepared | None:
    """Write the new view beside the old one; :meth:`Prepared.publish` puts it in place.

    An edited view is first kept as ``.edited``. A hand-written one stays until
    ``ategnatos grimoire migrate``: then, and for a document without a view, the answer is None.
    With ``replace_handwritten`` the caller has kept it already. Raises OSError, StudioError
    (``disk_full``, ``write_failed``).
    """
    if not model.has_view:
        return None
    view = path_of(project, model.name)
    old = read(view)
    if old is not None:
        if is_handwritten(old):
            if not replace_handwritten:
                return None
        elif is_edited(old):
            keep_edited(view, old)
    temporary = f"{view.parent}/{temporary_name()}"
    _write(temporary, f"{view}.bak", render(model, raw))
    return Prepared(temporary, str(view), old is not None)


def _write(temporary: str, spare: str, content: bytes) -> None:
    # The file of the view before last becomes the new one: its blocks are allocated already.
    # A new file would have its blocks allocated and flushed at the rename over an old one
    # (ext4's auto_da_alloc), which costs as much as a sync. But never a file that somebody else
    # has linked too (a snapshot made with 'cp -al'): that one keeps its bytes.
    flags = os.O_WRONLY | os.O_NOFOLLOW
    try:
        os.rename(spare, temporary)  # noqa: PTH104
        if os.stat(temporary).st_nlink > 1:  # noqa: PTH116
            os.unlink(temporary)  # noqa: PTH108
            flags |= os.O_CREAT | os.O_EXCL
        else:
            os.chmod(temporary, 0o600)  # noqa: PTH101
    except FileNotFoundError:
        flags |= os.O_CREAT | os.O_EXCL
    try:
        descriptor = os.open(temporary, flags, 0o600)
        try:
            write_all(descriptor, content)
            os.ftruncate(descriptor, len(content))
            os.fchmod(descriptor, 0o444)
        finally:
            os.close(descriptor)
    except BaseException:
        os.unlink(temporary)  # noqa: PTH108
        raise


def read(view: Path) -> bytes | None:
    """The view's bytes, or None where there is none. Raises OSError."""
    return read_whole(str(view))


def keep_edited(view: Path, content: bytes) -> Path:
    """Keep an edited view's bytes beside it under ``.edited``, never over other bytes."""
    number = 1
    while True:
        kept = view.with_name(f"{view.name}.edited{'' if number == 1 else f'-{number}'}")
        there = read(kept)
        if there == content:
            return kept
        if there is None:
            write_atomic(kept, content)
            return kept
        number += 1
