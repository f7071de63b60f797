"""No machine's address stands in the code: where a host is, the record and its provider say."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

import ategnatos

PACKAGE = Path(ategnatos.__file__).parent
_ADDRESS = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
# Where addresses are judged, the ranges stand that are nobody's or everybody's.
JUDGES = PACKAGE / "guard" / "values"
# RFC 5737: for documents, and nobody's.
_EXAMPLES = [
    ipaddress.ip_network(one) for one in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
]


def addresses(path: Path) -> list[str]:
    found = []
    for text in _ADDRESS.findall(path.read_text(encoding="utf-8")):
        try:
            one = ipaddress.ip_address(text)
        except ValueError:
            continue
        example = any(one in network for network in _EXAMPLES)
        if not (one.is_loopback or one.is_unspecified or example):
            found.append(text)
    return found


def test_programs_and_scripts_name_no_host_but_this_one() -> None:
    named = {
        str(path.relative_to(PACKAGE)): found
        for path in sorted(PACKAGE.rglob("*"))
        if path.suffix in {".py", ".sh", ".js", ".html"}
        and JUDGES not in path.parents
        and "_pack" not in path.parts
        and (found := addresses(path))
    }
    assert named == {}
