"""Credentials never get out, look-alikes come out whole, and it takes time linear in the text."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.guard.redaction import loaded, redact, redact_value, remember, shapes
from ategnatos.guard.redaction.stream import Redactor, redacted_lines
from tests.guard.redaction_corpus import look_alikes, secrets


@pytest.fixture(autouse=True)
def _nothing_held() -> Iterator[None]:
    loaded.forget()
    yield
    loaded.forget()


def _leaks(text: str, secret: str) -> bool:
    """Whether more of ``secret`` than its last four characters is in ``text``."""
    if secret in text:
        return True
    return any(secret[i : i + 8] in text for i in range(len(secret) - 7))


def test_sixty_secrets_are_masked_and_sixty_look_alikes_are_not() -> None:
    true, false = secrets(), look_alikes()
    assert (len(true), len(false)) == (60, 60)
    missed = [text for text, secret in true if _leaks(redact(text), secret)]
    garbled = [(text, redact(text)) for text in false if redact(text) != text]
    print(f"masked {60 - len(missed)} of 60 secrets; {len(garbled)} of 60 look-alikes changed")
    assert not missed
    assert len(garbled) <= 2, garbled


def test_the_mask_keeps_the_end_that_tells_keys_apart() -> None:
    assert redact("sk-abc123xyz") == "sk-***xyz"
    assert redact("sk-abcdefghij1234") == "sk-***1234"
    assert redact("http://anna:hunter2@10.0.0.7/") == "http://anna:***@10.0.0.7/"
    assert redact("dbname=x password=hunter2 host=db") == "dbname=x password=***er2 host=db"
    assert redact("PGPASSWORD=$PGPASSWORD psql") == "PGPASSWORD=$PGPASSWORD psql"
    assert redact("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIabcdef me") == "ssh-***REDACTED me"


def test_json_is_masked_value_by_value() -> None:
    for text, secret in secrets():
        done = redact_value({"a": [text, {"b": text}], text: 1, "n": 1})
        assert not _leaks(json.dumps(done), json.dumps(secret)[1:-1])
    value = {"api_key": "0123456789abcdef" * 2, "accessToken": "Zz9" * 12, "seed": 3}
    assert redact_value(value) == {"api_key": "***cdef", "accessToken": "***9Zz9", "seed": 3}
    for same in (
        {"key": "0123456789abcdef" * 4, "spend_key": "0123456789abcdef" * 2},
        ["x", 1, None],
        "text",
    ):
        assert redact_value(same) is same


SHAPELESS = 'correct horse/battery+staple "quoted" é'


@pytest.mark.parametrize(
    "spelling",
    [
        SHAPELESS,
        quote(SHAPELESS),
        quote(SHAPELESS, safe=""),
        re.sub("%..", lambda found: found.group().lower(), quote(SHAPELESS, safe="")),
        quote_plus(SHAPELESS),
        json.dumps(SHAPELESS),
        json.dumps(SHAPELESS, ensure_ascii=False),
        base64.b64encode(SHAPELESS.encode()).decode(),
        base64.urlsafe_b64encode(SHAPELESS.encode()).decode(),
        base64.b64encode(f"anna:{SHAPELESS}".encode()).decode(),
        base64.b64encode(f"me:{SHAPELESS}:more".encode()).decode(),
        SHAPELESS.encode().hex(),
    ],
)
def test_a_loaded_value_is_masked_in_every_spelling(spelling: str) -> None:
    text = f"before {spelling} after"
    assert redact(text) == text
    remember(SHAPELESS)
    done = redact(text)
    assert not any(spelling[i : i + 12] in done for i in range(3, len(spelling) - 14))
    assert done.startswith("before ")
    assert done.endswith(" after")


@given(
    st.text(alphabet=st.characters(codec="utf-8"), min_size=8, max_size=80),
    st.text(max_size=40),
    st.text(max_size=40),
)
def test_a_loaded_value_of_any_shape_is_never_in_the_output(
    value: str, before: str, after: str
) -> None:
    loaded.forget()
    remember(value)
    assert value not in redact(before + value + after)
    assert value not in redact(before + value + value + after)


def test_a_credential_of_the_environment_is_masked_though_nobody_loaded_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOME_CLOUD_TOKEN", "plain0looking7value")
    monkeypatch.setenv("MY_KEY", "/home/anna/.ssh/id_ed25519")
    loaded.forget()
    assert redact("got plain0looking7value back") == "got ***alue back"
    assert redact("read /home/anna/.ssh/id_ed25519") == "read /home/anna/.ssh/id_ed25519"


@given(st.text(alphabet="sk-abc123 =:/@?&\"'\\keytoken\n", max_size=200))
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


def test_hostile_text_takes_time_in_proportion_to_its_length() -> None:
    def seconds(text: str) -> float:
        best = 9.0
        for _ in range(3):
            started = time.process_time()
            redact(text)
            best = min(best, time.process_time() - started)
        return best

    remember(SHAPELESS)
    remember("a" * 20)
    hostile = [
        "sk-", "sk-a", "eyJ", "eyJa.eyJ", "://", "://a@", "://a:", "key", "key ", "key=", "token: ",
        "secret\t", "password is ", "a", "A", "A_KEY=", "--", "--a", "?a", "?a=", "&key=", "hf_",
        "bearer ", "Authorization: ", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "ssh-rsa ",
        "ssh-rsa AAAA", "secret_a_", "AKIA", "public_key", " ", "\\", "'\"", "keykeytokens", "%2f",
        "password=", "pwd=a",
    ]  # fmt: skip
    for piece in hostile:
        small = seconds(piece * (5_000 // len(piece)))
        large = seconds(piece * (40_000 // len(piece)))
        # Eight times the text: far from the 64 times of a search that starts over.
        assert large < 8 * 3 * small + 0.02, (piece, small, large)


PIECES = [
    "plain line\n",
    "key sk-abcdefghij1234567890 here\n",
    "progress 1\rprogress 2\r",
    "http://anna:hunter2horse@10.0.0.7/\r\n",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo\n" * 1
    + "-----END OPENSSH PRIVATE KEY-----\n",
    "é漢\n",
    "no end: sk-zyxwvutsrq0987654321",
]
WHOLE = "".join(PIECES)
HIDDEN = ["abcdefghij123456", "hunter2horse", "QUJDREVGR0", "zyxwvutsrq098765"]


@given(st.lists(st.integers(min_value=0, max_value=len(WHOLE.encode())), max_size=12))
def test_a_secret_cut_in_two_by_a_read_is_masked(cuts: list[int]) -> None:
    data = WHOLE.encode()
    places = [0, *sorted(cuts), len(data)]
    reads = [data[a:b] for a, b in itertools.pairwise(places) if a < b]

    class Pieces(io.BytesIO):
        def read1(self, _size: int = -1) -> bytes:
            return reads.pop(0) if reads else b""

    lines = list(redacted_lines(Pieces()))
    joined = "\n".join(lines)
    assert not [secret for secret in HIDDEN if secret in joined]
    assert lines[:4] == ["plain line", "key sk-***7890 here", "progress 1", "progress 2"]
    assert "é漢" in lines
    assert lines[-1] == "no end: sk-***4321"


def test_a_line_without_an_end_is_let_go_in_part_and_never_inside_a_secret() -> None:
    secret = "Zz9" * 60
    remember(secret)
    redactor = Redactor()
    text = ("x" * 997 + secret) * 300
    shown = "".join(redactor.feed(text[i : i + 1000]) for i in range(0, len(text), 1000))
    assert len(shown) > 100_000
    assert len(redactor._waiting) < 80_000
    shown += redactor.finish()
    assert shown.count("x") == 997 * 300
    assert "Zz9Zz9Zz9" not in shown
    assert shown.count("***") == 300


def test_the_begin_of_a_key_without_end_holds_back_only_so_much() -> None:
    redactor = Redactor()
    shown = redactor.feed("-----BEGIN PRIVATE KEY-----\n")
    assert shown == ""
    shown = "".join(redactor.feed("line of a log\n") for _ in range(10_000)) + redactor.finish()
    assert "line of a log" in shown


def test_output_of_a_real_program_is_redacted_as_it_comes() -> None:
    code = (
        "import sys, time\n"
        "for part in ('start\\n', 'key sk-abcdefg', 'hij1234567890\\n', 'end'):\n"
        "    sys.stdout.write(part); sys.stdout.flush(); time.sleep(0.05)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert list(redacted_lines(process.stdout)) == ["start", "key sk-***7890", "end"]


def test_nothing_is_compiled_for_text_without_cause() -> None:
    code = (
        "import re, time\n"
        "compiled = []\n"
        "real = re._compile\n"
        "from ategnatos.guard.redaction import redact\n"
        "re._compile = lambda *a: compiled.append(a) or real(*a)\n"
        "redact('a red potion, outlined: 512x512')\n"
        "print(len(compiled))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_every_shape_has_its_anchors_in_every_text_it_masks() -> None:
    """The anchors only save time: with and without them the same is masked."""
    for text, _ in secrets():
        for shape in shapes.SHAPES:
            found = [m for m in re.finditer(shape.pattern, text) if shape.span(m)]
            assert not found or any(anchor in text.lower() for anchor in shape.anchors), shape
