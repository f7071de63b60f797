"""Where a model comes from: known names, addresses of pages made addresses of files, tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pydantic import Field

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.urls import Url, parse_url
from ategnatos.knowledge import loader
from ategnatos.studio.comfyui.facts import Fact

if TYPE_CHECKING:
    from ategnatos.guard.secrets import Secret

URL_TOKEN = ErrorCode("url_token", "An address carries a token, which would end up in logs.")
MODEL_UNKNOWN = ErrorCode("model_unknown", "No model of that name is known.")

# The token for an address; None where none is needed or there is none.
Credentials = Callable[[Url], "Secret | None"]

_TOKEN = re.compile(r"(?:^|&)(token|api_?key|access_token|key)=", re.IGNORECASE)
_PAGE = re.compile(r"/models/(\d+)(?:/[^?]*)?")
_VERSION = re.compile(r"(?:^|&)modelVersionId=(\d+)")


class Site(Fact):
    """A site, whose secret it takes, and what to do where it refuses in spite of it."""

    host: str
    secret: str
    accept: str


class KnownFile(Fact):
    """A file that can be asked for by name. ``about_bytes`` within a tenth."""

    name: str
    folder: str
    url: str
    about_bytes: int
    purpose: str = Field(alias="for")


class Sources(Fact):
    """``model_sources``."""

    sites: list[Site]
    files: list[KnownFile]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where to get a file. ``name`` and ``folder`` "" where only the server or the user can say;
    ``about_bytes`` 0 where nothing is known of its size.
    """

    url: Url
    name: str = ""
    folder: str = ""
    about_bytes: int = 0


def find(text: str) -> Origin:
    """The origin that ``text`` means: an address, or the name of a known file.

    Raises StudioError (``model_unknown``, ``url_token``, and those of an address).
    """
    if "://" in text:
        return Origin(file_url(parse_url(text, field="The model's URL")))
    from ategnatos.knowledge import families

    for one in sources().files:
        if text in {one.name, one.name.rpartition(".")[0]}:
            return Origin(parse_url(one.url), one.name, one.folder, one.about_bytes)
    file = families.file_named(text)
    if file is not None and file.url:
        return Origin(parse_url(file.url), file.name.rpartition("/")[2], file.folder)
    raise StudioError(
        MODEL_UNKNOWN,
        f"No model called {text[:80]!r} is known here; nothing was downloaded.",
        hint="Give the address of the file, the name of a file that a model family names, or one"
        f" of: {', '.join(one.name for one in sources().files)}.",
    )


def file_url(url: Url) -> Url:
    """The address of the file that a page's address means. Raises StudioError (``url_token``)."""
    if _TOKEN.search(url.query):
        raise StudioError(
            URL_TOKEN,
            "The address carries a token, which would end up in records and logs; nothing was"
            " downloaded.",
            hint="Take the token out of the address, and keep it with"
            " 'ategnatos studio secrets set NAME'.",
        )
    host = url.host.text
    if host == "huggingface.co" and "/blob/" in url.path:
        return parse_url(f"{url.origin}{url.path.replace('/blob/', '/resolve/', 1)}")
    version = _VERSION.search(url.query)
    if host in {"civitai.com", "civitai.red"} and _PAGE.fullmatch(url.path) and version:
        return parse_url(f"{url.origin}/api/download/models/{version[1]}")
    return url


def site_of(url: Url) -> Site | None:
    """The site that an address belongs to; only over https, where a token may be sent."""
    host = url.host.text
    if url.scheme != "https":
        return None
    return next(
        (one for one in sources().sites if host == one.host or host.endswith(f".{one.host}")), None
    )


def credentials(url: Url) -> Secret | None:
    """The token for an address, from where the studio keeps its secrets."""
    from ategnatos.guard import secrets

    site = site_of(url)
    return secrets.find(site.secret) if site is not None else None


@cache
def sources() -> Sources:
    """The data file."""
    return loader.load("model_sources", Sources)
