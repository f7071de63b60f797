"""A download is whole and right, or it is not there; against a server that cuts and lies."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.secrets import Secret
from ategnatos.guard.values.urls import Url, parse_url
from ategnatos.studio.models import download as room
from ategnatos.studio.models import refusals, remote, sources
from ategnatos.studio.models.part import Part, Wanted
from tests.studio.models.conftest import LORA, FileServer, safetensors
from tests.waiting import LONG_SECONDS, wait_until

TOKEN = "hf_" + "x" * 34
Servers = Callable[[], FileServer]


def no_token(_url: Url) -> Secret | None:
    return None


def wanted(server: FileServer, folder: Path, **more: Any) -> Wanted:
    return Wanted(parse_url(server.url), folder / "loras" / "style.safetensors", **more)


def manner(**more: Any) -> room.Manner:
    return room.Manner(**{"credentials": no_token, "patience": LONG_SECONDS, "pause": 0.01, **more})


def get(server: FileServer, folder: Path, **more: Any) -> room.Got:
    own = {key: more.pop(key) for key in ("size", "sha256", "about_bytes") if key in more}
    return room.download(wanted(server, folder, **own), manner(**more))


def refusal(server: FileServer, folder: Path, **more: Any) -> StudioError:
    with pytest.raises(StudioError) as raised:
        get(server, folder, **more)
    return raised.value


def lying_about(folder: Path) -> list[str]:
    """What is in the goal's folder."""
    return sorted(path.name for path in (folder / "loras").glob("*"))


def test_a_file_comes_whole_with_its_hash(server: FileServer, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    got = get(server, tmp_path, progress=lambda done, whole: seen.append((done, whole)))
    assert got.path.read_bytes() == server.data
    assert got.sha256 == hashlib.sha256(server.data).hexdigest()
    assert (got.fresh, got.resumed) == (True, 0)
    assert seen[-1] == (len(server.data), len(server.data))
    assert lying_about(tmp_path) == ["style.safetensors"]


def test_again_it_is_there_and_nothing_is_sent(server: FileServer, tmp_path: Path) -> None:
    get(server, tmp_path)
    assert get(server, tmp_path).fresh is False
    assert len(server.seen) == 1


def test_a_cut_connection_goes_on_where_it_was_cut(server: FileServer, tmp_path: Path) -> None:
    server.cuts = [500, 1000, 100]
    got = get(server, tmp_path)
    assert got.path.read_bytes() == server.data
    asked = [request.get("range") for request in server.seen]
    assert asked == [None, "bytes=500-", "bytes=1500-", "bytes=1600-"]
    assert all(request["if-range"] == '"v1"' for request in server.seen[1:])
    assert all(request["accept-encoding"] == "identity" for request in server.seen)


def test_what_came_is_kept_for_the_next_call(server: FileServer, tmp_path: Path) -> None:
    server.cuts = [2000] + [0] * room.FRUITLESS
    error = refusal(server, tmp_path)
    assert error.code is refusals.DOWNLOAD_CUT
    assert error.details["bytes"] == 2000
    assert lying_about(tmp_path) == ["style.safetensors.part", "style.safetensors.part.json"]
    got = get(server, tmp_path)
    assert (got.resumed, got.path.read_bytes() == server.data) == (2000, True)


def test_a_server_that_ignores_the_range_begins_anew(server: FileServer, tmp_path: Path) -> None:
    server.cuts, server.ignore_range = [700], True
    assert get(server, tmp_path).path.read_bytes() == server.data


def test_a_server_without_an_etag_begins_anew(server: FileServer, tmp_path: Path) -> None:
    server.cuts, server.etag = [700], ""
    assert get(server, tmp_path).path.read_bytes() == server.data
    assert [request.get("range") for request in server.seen] == [None, None]


@pytest.mark.parametrize("ignore_if_range", [False, True])
def test_a_file_that_changes_meanwhile_is_never_mixed(
    server: FileServer, tmp_path: Path, ignore_if_range: bool
) -> None:
    old, new = server.data, safetensors({**LORA, "extra.lora_up.weight": (2, 2)})
    server.cuts, server.ignore_if_range = [900], ignore_if_range

    def change(_handler: object) -> None:
        if len(server.seen) == 2:
            server.data, server.etag = new, '"v2"'

    server.before = change
    assert get(server, tmp_path).path.read_bytes() == new != old


def test_a_part_of_another_address_is_not_used(
    server: FileServer, servers: Servers, tmp_path: Path
) -> None:
    server.cuts = [2000] + [0] * room.FRUITLESS
    refusal(server, tmp_path)
    other = servers()
    other.data = safetensors({"a.lora_up.weight": (3, 3)})
    got = get(other, tmp_path)
    assert (got.resumed, got.path.read_bytes() == other.data) == (0, True)


def test_a_broken_note_is_not_believed(server: FileServer, tmp_path: Path) -> None:
    goal = wanted(server, tmp_path)
    goal.path.parent.mkdir(parents=True)
    goal.path.with_name("style.safetensors.part").write_bytes(b"rubbish")
    for text in ("{", "[]", json.dumps({"url": str(goal.url)})):
        goal.path.with_name("style.safetensors.part.json").write_text(text)
        assert Part(goal).size == 0


def test_the_wrong_hash_is_not_kept(server: FileServer, tmp_path: Path) -> None:
    error = refusal(server, tmp_path, sha256="0" * 64)
    assert error.code is refusals.DOWNLOAD_DAMAGED
    assert lying_about(tmp_path) == []
    right = hashlib.sha256(server.data).hexdigest()
    assert get(server, tmp_path, sha256=right.upper()).fresh


def test_a_hash_that_the_site_states_is_checked(server: FileServer, tmp_path: Path) -> None:
    server.headers = {"X-Linked-ETag": f'"{"1" * 64}"'}
    assert "111111111111" in refusal(server, tmp_path).message
    server.headers = {"X-Linked-ETag": f'"{hashlib.sha256(server.data).hexdigest()}"'}
    assert get(server, tmp_path).fresh


def test_the_wrong_length_is_not_kept(server: FileServer, tmp_path: Path) -> None:
    assert refusal(server, tmp_path, size=17).code is refusals.DOWNLOAD_DAMAGED
    assert refusal(server, tmp_path, about_bytes=10).code is refusals.DOWNLOAD_DAMAGED
    assert lying_about(tmp_path) == []
    assert get(server, tmp_path, size=len(server.data)).fresh


def test_a_promise_of_more_than_comes_is_a_cut(server: FileServer, tmp_path: Path) -> None:
    server.claim, server.ignore_range = len(server.data) + 1000, True
    error = refusal(server, tmp_path)
    assert error.code is refusals.DOWNLOAD_CUT
    assert not (tmp_path / "loras" / "style.safetensors").exists()


def test_a_promise_that_the_server_takes_back_is_settled(
    server: FileServer, tmp_path: Path
) -> None:
    """Asked for the rest, it says how long the file really is; the header agrees."""
    server.claim = len(server.data) + 1000
    assert get(server, tmp_path).path.read_bytes() == server.data


def test_a_file_cut_off_before_it_was_uploaded_is_seen(server: FileServer, tmp_path: Path) -> None:
    server.data = server.data[:-10]
    error = refusal(server, tmp_path)
    assert error.code is refusals.DOWNLOAD_DAMAGED
    assert "10 of" in error.message


PAGE = b"<!DOCTYPE html><html><head><title>Log in</title></head>" + b" " * 20_000


@pytest.mark.parametrize(
    ("data", "headers", "part"),
    [
        (PAGE, {"Content-Type": "text/html; charset=utf-8"}, "login page"),
        (PAGE, {"Content-Type": "application/octet-stream"}, "login page"),
        (b"\xef\xbb\xbf\n  <HTML>", {}, "web page"),
        (b'{"error": "Unauthorized", "message": "Use a key"}', {}, '"Unauthorized"'),
        (b'{"detail": {"x": 1}}', {}, "a JSON text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", {}, "Git LFS"),
        (b"\x00" * 5000, {}, "no safetensors file"),
        (b"short", {}, "not the file that was expected|is no whole"),
    ],
)
def test_what_is_no_model_is_removed(
    server: FileServer, tmp_path: Path, data: bytes, headers: dict[str, str], part: str
) -> None:
    server.data, server.headers = data, headers
    error = refusal(server, tmp_path)
    assert any(one in error.message for one in part.split("|"))
    assert lying_about(tmp_path) == []


def test_a_page_is_given_up_after_its_first_bytes(server: FileServer, tmp_path: Path) -> None:
    server.data = b"<html>" + bytes(8 << 20)
    seen: list[int] = []
    refusal(server, tmp_path, progress=lambda done, whole: seen.append(done))
    assert sum(seen) < 1 << 20


def test_a_login_that_is_wanted_is_said_with_what_to_do(server: FileServer, tmp_path: Path) -> None:
    server.statuses = [401]
    error = refusal(server, tmp_path)
    assert (error.code, error.details["status"]) == (remote.DOWNLOAD_REFUSED, 401)
    server.statuses = [404]
    assert "no such file" in refusal(server, tmp_path).message
    assert len(server.seen) == 2


def test_a_busy_server_is_asked_again(server: FileServer, tmp_path: Path) -> None:
    server.statuses = [503, 429, 500]
    assert get(server, tmp_path).fresh
    server.statuses = [503] * room.FRUITLESS
    other = Wanted(parse_url(server.url), tmp_path / "b.safetensors")
    with pytest.raises(StudioError) as raised:
        room.download(other, manner())
    assert raised.value.code is refusals.DOWNLOAD_CUT
    assert "503" in raised.value.message


def test_a_token_goes_to_its_own_host_alone(
    server: FileServer, servers: Servers, tmp_path: Path
) -> None:
    store = servers()
    store.data = server.data
    server.redirect = store.url
    got = get(server, tmp_path, credentials=lambda url: Secret("huggingface", TOKEN, "a test"))
    assert got.fresh
    assert server.seen[0]["authorization"] == f"Bearer {TOKEN}"
    assert "authorization" not in store.seen[0]
    assert TOKEN not in store.seen[0].get("referer", "")


def test_the_token_is_in_no_message_and_no_file(server: FileServer, tmp_path: Path) -> None:
    server.cuts = [2000] + [0] * room.FRUITLESS
    said: list[str] = []
    error = refusal(
        server, tmp_path, say=said.append, credentials=lambda url: Secret("x", TOKEN, "a test")
    )
    everything = [str(error), *said, *map(str, error.details.values())]
    everything += [path.read_text("latin-1") for path in (tmp_path / "loras").iterdir()]
    assert not any(TOKEN in text for text in everything)


@pytest.mark.parametrize(
    "target", ["http://0.0.0.0/x", "http://169.254.169.254/latest", "ftp://127.0.0.1/x", ""]
)
def test_a_redirect_to_where_no_file_comes_from_is_refused(
    server: FileServer, tmp_path: Path, target: str
) -> None:
    server.redirect = target or "http://127.0.0.1:1/" + "x" * 9000
    with pytest.raises(StudioError):
        get(server, tmp_path)
    assert len(server.seen) == 1


def test_a_redirect_never_leads_inwards_or_out_of_encryption() -> None:
    for here, to in (
        ("https://huggingface.co/a", "http://cdn.example.com/a"),
        ("https://huggingface.co/a", "https://127.0.0.1/a"),
        ("https://huggingface.co/a", "https://192.168.1.1/a"),
        ("http://192.168.1.1/a", "http://127.0.0.1/a"),
    ):
        with pytest.raises(StudioError) as raised:
            remote._next(parse_url(here), to)
        assert raised.value.code is remote.REDIRECT_REFUSED
    further = remote._next(parse_url("https://huggingface.co/a/b"), "../c?x=1")
    assert str(further) == "https://huggingface.co/c?x=1"


def test_redirects_in_a_circle_end(server: FileServer, tmp_path: Path) -> None:
    server.redirect = server.url
    assert refusal(server, tmp_path).code is remote.REDIRECT_REFUSED
    assert len(server.seen) == 11


def test_a_server_that_drips_is_given_up(server: FileServer, tmp_path: Path) -> None:
    server.slow = threading.Event()
    began = time.monotonic()
    error = refusal(server, tmp_path, patience=0.15)
    server.slow.set()
    assert error.code is refusals.DOWNLOAD_CUT
    assert time.monotonic() - began < LONG_SECONDS


def test_two_downloads_of_one_file_get_it_once(server: FileServer, tmp_path: Path) -> None:
    release, said, found = threading.Event(), [], []  # type: ignore[var-annotated]
    server.before = lambda handler: release.wait(LONG_SECONDS) and None

    def one() -> None:
        found.append(get(server, tmp_path, say=said.append).fresh)

    first = threading.Thread(target=one)
    first.start()
    wait_until(lambda: server.seen)
    second = threading.Thread(target=one)
    second.start()
    wait_until(lambda: said)
    release.set()
    first.join(LONG_SECONDS)
    second.join(LONG_SECONDS)
    assert sorted(found) == [False, True]
    assert "waiting" in said[0]
    assert len(server.seen) == 1


def test_the_space_is_looked_at_before_a_byte_is_written(
    server: FileServer, tmp_path: Path
) -> None:
    free = shutil.disk_usage(tmp_path).free
    error = refusal(server, tmp_path, reserve=free * 2)
    assert error.code is refusals.NO_SPACE
    assert lying_about(tmp_path) in (["style.safetensors.part.json"], [])


def test_another_file_of_that_name_is_never_replaced(server: FileServer, tmp_path: Path) -> None:
    goal = wanted(server, tmp_path).path
    goal.parent.mkdir(parents=True)
    goal.write_bytes(b"mine")
    right = hashlib.sha256(server.data).hexdigest()
    assert refusal(server, tmp_path, sha256=right).code is refusals.MODEL_EXISTS
    assert goal.read_bytes() == b"mine"
    assert server.seen == []


def test_addresses_of_pages_become_those_of_files() -> None:
    page = "https://huggingface.co/a/b/blob/main/x.safetensors"
    assert str(sources.find(page).url) == page.replace("/blob/", "/resolve/")
    civitai = sources.find("https://civitai.com/models/12/name?modelVersionId=34")
    assert str(civitai.url) == "https://civitai.com/api/download/models/34"
    known = sources.find("NorseViking_v10")
    assert (known.folder, known.about_bytes) == ("loras", 37_000_000)
    assert sources.find("sd_xl_base_1.0.safetensors").folder == "checkpoints"


@pytest.mark.parametrize("key", ["token", "api_key", "apikey", "access_token", "Token"])
def test_an_address_with_a_token_is_refused_unrepeated(key: str) -> None:
    with pytest.raises(StudioError) as raised:
        sources.find(f"https://civitai.com/api/download/models/1?type=Model&{key}={TOKEN}")
    assert raised.value.code is sources.URL_TOKEN
    assert TOKEN not in str(raised.value)


def test_a_token_is_looked_for_by_the_host_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    found = sources.credentials(parse_url("https://huggingface.co/a/resolve/main/b"))
    assert found is not None
    assert found.reveal() == TOKEN
    for other in (
        "http://huggingface.co/a",
        "https://huggingface.co.evil.com/a",
        "https://evilhuggingface.co/a",
        "https://example.com/huggingface.co",
    ):
        assert sources.credentials(parse_url(other)) is None


def test_the_name_that_the_server_gives(server: FileServer) -> None:
    server.headers = {"Content-Disposition": 'attachment; filename="NorseViking_v10.safetensors"'}
    assert room.name_of(parse_url(server.url), no_token) == "NorseViking_v10.safetensors"
    server.headers = {"Content-Disposition": "attachment; filename*=UTF-8''a%20b%2F..%2Fc.pt"}
    assert room.name_of(parse_url(server.url), no_token) == "c.pt"
    server.headers = {"Content-Disposition": 'attachment; filename="..\\\\..\\\\c.pt"'}
    assert room.name_of(parse_url(server.url), no_token) == "c.pt"
