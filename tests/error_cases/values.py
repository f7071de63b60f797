"""One real refusal for every error code of the parsers of values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ategnatos.guard.values.hosts import parse_host
from ategnatos.guard.values.json_files import read_json
from ategnatos.guard.values.names import parse_choice, parse_id
from ategnatos.guard.values.numbers import parse_whole
from ategnatos.guard.values.paths import path_inside, read_file
from ategnatos.guard.values.urls import parse_loopback_url, parse_url


def json_invalid(folder: Path) -> None:
    (folder / "twice.json").write_text('{"a": 1, "a": 2}')
    read_json(folder / "twice.json")


CASES: dict[str, Callable[[Path], None]] = {
    "host_invalid": lambda _: parse_host("300.1.1.1") and None,
    "url_invalid": lambda _: parse_url("file:///etc/passwd") and None,
    "url_credentials": lambda _: parse_url("http://me:pw@127.0.0.1:8188") and None,
    "url_not_local": lambda _: parse_loopback_url("http://10.evil.com") and None,
    "number_invalid": lambda _: parse_whole("1,000") and None,
    "id_invalid": lambda _: parse_id("../x") and None,
    "choice_unknown": lambda _: parse_choice("runpot", ["runpod", "vastai"]) and None,
    "path_outside": lambda folder: path_inside(folder, "a/../../b") and None,
    "file_unusable": lambda folder: read_file(folder, largest=10) and None,
    "json_invalid": json_invalid,
}
