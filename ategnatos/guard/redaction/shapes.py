"""What a credential looks like: a table of shapes, each with its mask.

Rules for a new shape: one of ``anchors`` occurs in every match (so that most texts compile
nothing), repetition is bounded or ends the pattern, and no run of characters can be entered at
every place of itself: that keeps every search linear, which the tests measure.

Sources: the providers' documents; the requirement's ``sk-***`` and 32 characters after a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Span = tuple[int, int, str]

SHORTEST = 8
_PART = r"[A-Za-z0-9_\-+/.~]"
# The words before a credential; what follows 'not' names keys that everybody may know.
_NAME = (
    r"(?:(?<![A-Za-z])(?:api|access|auth|secret|private|client|account|master|session|admin)?"
    r"|(?<=[a-z0-9])(?=[KTSPC]))"
    r"(?<!(?i:public))"
    + "".join(
        rf"(?<!(?i:{word})[_ -])"
        for word in (
            "public",
            "cache",
            "idempotency",
            "primary",
            "foreign",
            "sort",
            "page",
            "binding",
        )
    )
    + r"(?i:key|token|secret|passw(?:or)?d|passphrase|credential)s?"
)
# Endings of a field's name, in lower case and without separators. A bare "key" is no such name:
# the record's own fields are called so (public keys, keys of a ledger).
_FIELD_ENDS = (
    "apikey", "accesskey", "authkey", "secretkey", "privatekey", "accountkey", "masterkey",
    "token", "secret", "password", "passwd", "passphrase", "credential", "credentials",
)  # fmt: skip
_FIELD_EXEMPT = ("pagetoken", "cursortoken", "fencingtoken")
_FILE = r"\.(?:png|jpe?g|webp|gif|json|safetensors|ckpt|pt|pth|gguf|py|txt|md|toml|ya?ml|csv|zip)\Z"
_WORD = (
    r"[a-z]{1,24}|[A-Z]{1,12}|[0-9]{1,12}|[A-Z]?[a-z]{2,}(?:[A-Z][a-z]{2,}){0,6}|[A-Za-z0-9]{1,5}"
)
_BLOCK_END = "PRIVATE KEY-----"


@dataclass(frozen=True, slots=True)
class Shape:
    """``anchors`` in lower case. ``span`` turns a match into what to mask, or None."""

    anchors: tuple[str, ...]
    pattern: str
    span: Callable[[re.Match[str]], Span | None]


def masked(body: str) -> str:
    """``***`` and the last four characters; the last three of a body shorter than ten."""
    return "***" + body[-3 if len(body) < 10 else -4 :]


def random_looking(text: str) -> bool:
    """Whether ``text`` is no word, slug, path or file name that a person or program made up."""
    if len(text) < SHORTEST or re.search(_FILE, text):
        return False
    parts = [part for part in re.split(r"[^A-Za-z0-9]+", text) if part]
    odd = [part for part in parts if not re.fullmatch(_WORD, part)]
    if "/" in text:
        # A folder may be called by a hash.
        odd = [part for part in odd if not re.fullmatch(r"[0-9a-f]{8,64}", part)]
    return any(len(part) >= SHORTEST for part in odd)


def is_secret_field(name: str, value: str) -> bool:
    """Whether 32 or more characters under a name such as ``api_key`` are a credential."""
    if len(value) < 32 or len(name) > 80:
        return False
    plain = name.lower().replace("_", "").replace("-", "").replace(".", "").replace(" ", "")
    if not plain.endswith(_FIELD_ENDS) or plain.endswith(_FIELD_EXEMPT):
        return False
    return bool(re.fullmatch(rf"{_PART}{{32,}}={{0,2}}", value)) and random_looking(value)


def find(text: str) -> Iterator[Span]:
    """Every credential in ``text`` by its shape, in no order; spans may overlap."""
    folded = text.lower()
    for shape in SHAPES:
        if any(anchor in folded for anchor in shape.anchors):
            for match in re.finditer(shape.pattern, text):
                if span := shape.span(match):
                    yield span
    if "private key" in folded:
        yield from _private_keys(text)


def _private_keys(text: str) -> Iterator[Span]:
    """Blocks from BEGIN to END, or to the end of the text where END was cut off."""
    place = 0
    begin = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
    while match := begin.search(text, place):
        end = text.find("-----END ", match.end())
        close = text.find("-----", end + 9) if end >= 0 else -1
        place = close + 5 if close >= 0 else len(text)
        yield match.end(), place, "***"


def _last(match: re.Match[str]) -> Span:
    """The last group is the credential; what stands before it stays."""
    group = match.lastindex or 0
    return match.start(group), match.end(group), masked(match.group(group))


def _if_random(match: re.Match[str]) -> Span | None:
    return _last(match) if random_looking(match.group(match.lastindex or 0)) else None


def _whole(match: re.Match[str]) -> Span:
    return match.start(), match.end(), "ssh-***REDACTED"


def _prefixed(match: re.Match[str]) -> Span | None:
    """``sk-`` and its like also begin words (``sk-learn``): long, or with a random part."""
    body = match.group(1)
    return _last(match) if len(body) >= 40 or random_looking(body) else None


def _url_user(match: re.Match[str]) -> Span | None:
    """``user:password@`` keeps the user; a user alone is masked only where it is a token."""
    start, end = match.span(1)
    user, colon, _ = match.group(1).partition(":")
    if colon and user and not random_looking(user):
        return start + len(user) + 1, end, "***"
    return (start, end, "***") if colon or random_looking(user) else None


_STRONG = r"(?i)(?:token|secret|passw(?:or)?d|pwd|sig|signature|credential|api_?key)\Z"
_VARIABLE = r"\$\{?[A-Za-z_][A-Za-z0-9_]*\}?[;,]?"
_WEAK = r"(?i)(?:key|auth|session|jwt)\Z"


def _assigned(match: re.Match[str]) -> Span | None:
    """``name=value``: a name that says secret is enough, a weaker one needs a random value."""
    name, value = match.group(1).replace("-", "_"), match.group(2)
    if re.search(_STRONG, name) and not value.isdigit() and not re.fullmatch(_VARIABLE, value):
        return _last(match)
    return _if_random(match) if re.search(_WEAK, name) else None


SHAPES: tuple[Shape, ...] = (
    Shape(("sk-",), r"(?<![A-Za-z0-9_])sk-([A-Za-z0-9_-]{8,})", _prefixed),
    Shape(
        (
            "hf_",
            "rpa_",
            "r8_",
            "npm_",
            "ghp_",
            "gho_",
            "ghu_",
            "ghs_",
            "ghr_",
            "k_live_",
            "k_test_",
        ),
        r"(?<![A-Za-z0-9_])(?:hf|rpa|r8|npm|gh[pousr]|[sr]k_live|[sr]k_test)_([A-Za-z0-9]{16,})"
        r"(?![A-Za-z0-9_])",
        _last,
    ),
    Shape(
        ("github_pat_", "glpat-", "xox", "aiza", "pypi-"),
        r"(?<![A-Za-z0-9_-])(?:github_pat_|glpat-|xox[abeprs]-|AIza|pypi-)([A-Za-z0-9_-]{16,})",
        _if_random,
    ),
    # Lambda Cloud: secret_<name>_<32 hex>.<32 letters and digits>
    Shape(
        ("secret_",),
        r"(?<![A-Za-z0-9_])secret_[A-Za-z0-9-]{1,64}_([0-9a-f]{32}\.[A-Za-z0-9]{16,})",
        _last,
    ),
    Shape(
        ("akia", "asia", "aida", "aroa"),
        r"(?<![A-Za-z0-9+/])(?:AKIA|ASIA|AIDA|AROA)([A-Z2-7]{16})(?![A-Za-z0-9+/])",
        _last,
    ),
    Shape(
        ("eyj",),
        r"(?<![A-Za-z0-9_.-])(eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})",
        _last,
    ),
    Shape(
        ("ssh-", "ecdsa-"),
        r"(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp[0-9]{3})(?:@openssh\.com)?[ \t]{1,4}"
        r"AAAA[A-Za-z0-9+/]{16,}={0,3}",
        _whole,
    ),
    Shape(
        ("bearer", "basic", "token "),
        r"(?<![A-Za-z])(?i:bearer|basic|token)[ \t]{1,4}([A-Za-z0-9._~+/=-]{8,})",
        _if_random,
    ),
    Shape(
        ("authorization",),
        r"(?i:authorization)[\"'\\]{0,3}[ \t]{0,4}[:=][ \t]{0,4}[\"'\\]{0,3}"
        r"(?:(?i:bearer|basic|token|apikey|key)[ \t]{1,4})?([A-Za-z0-9._~+/=:-]{6,})",
        lambda match: None if match.group(1).lower() in {"bearer", "basic"} else _last(match),
    ),
    Shape(("://",), r"(?<=://)([^\s/?#\"'<>\\]+)@", _url_user),
    Shape(
        ("=",),
        r"[?&]([A-Za-z0-9_.\[\]-]{1,64})=([^&\s\"'<>#\\]{8,})",
        _assigned,
    ),
    Shape(
        ("key=", "token=", "secret=", "password=", "passwd=", "credential="),
        r"(?<![A-Z0-9_])([A-Z][A-Z0-9_]{0,60})=[\"']?([^\s\"'\\]{8,})",
        _assigned,
    ),
    # Connection texts of databases: password=hunter2 host=...
    Shape(
        ("password=", "passwd=", "pwd="),
        r"(?i:passw(?:or)?d|pwd)=[\"']?([^\s\"'&;,\\]{4,})",
        lambda match: None if re.fullmatch(_VARIABLE, match.group(1)) else _last(match),
    ),
    Shape(
        ("--",),
        r"(?<![A-Za-z0-9-])--([a-z][a-z-]{0,40})(?:=|[ \t]{1,4})[\"']?([^\s\"'\\-][^\s\"'\\]{5,})",
        _assigned,
    ),
    Shape(
        ("key", "token", "secret", "passw", "passphrase", "credential"),
        rf"{_NAME}[\"'\\]{{0,3}}(?:[ \t]{{0,8}}(?:[:=]>?|is|was)[ \t]{{0,8}}|[ \t]{{1,8}})"
        rf"[\"'\\]{{0,3}}({_PART}{{32,}}={{0,2}})",
        _if_random,
    ),
)
