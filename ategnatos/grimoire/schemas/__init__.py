"""The shape of every document, one module each: a new document is one new module here.

The module ``schemas/<name>.py`` holds ``DOCUMENT``, a subclass of
:class:`ategnatos.grimoire.schemas.base.Document`. A room that owns a document of its own calls
:func:`declare` instead. Importing this package imports no pydantic.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.schemas.base import Document

DOCUMENT_UNKNOWN = ErrorCode("document_unknown", "There is no document of that name.")

WITHOUT_PAGE = frozenset(("approvers", "manifest"))
"""Documents that no page shows, for whoever may not import one to ask its ``has_view``."""

_declared: dict[str, type[Document]] = {}


def declare(document: type[Document]) -> type[Document]:
    """Make a document known under its ``name``; usable as a class decorator."""
    _declared[document.name] = document
    return document


def names() -> list[str]:
    """Every document's name, sorted; none is imported."""
    found = {module.name for module in pkgutil.iter_modules(__path__)} - {"base"}
    return sorted(found | set(_declared))


def load(name: str) -> type[Document]:
    """The document called ``name``. Raises StudioError (``document_unknown``)."""
    if name not in _declared:
        if name not in names():
            raise StudioError(
                DOCUMENT_UNKNOWN,
                f"There is no document called {name!r}; nothing was read or changed.",
                hint=f"The documents are: {', '.join(names())}.",
                known=names(),
            )
        _declared[name] = importlib.import_module(f"{__name__}.{name}").DOCUMENT
    return _declared[name]
