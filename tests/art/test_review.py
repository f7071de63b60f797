"""A sitting at a real terminal: keys choose, one passphrase signs, and nothing chosen is lost."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ategnatos.art import batch, sitting
from ategnatos.art.sitting import Choice, Sitting
from ategnatos.grimoire import journal
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project
from ategnatos.guard.actor import person
from ategnatos.guard.gate import book, keyfile, record
from ategnatos.guard.gate.record import Standing
from ategnatos.pictures import terminal_pictures
from tests.conftest import Run
from tests.guard import keys
from tests.shell import PROMPT, Shell

KEY = "Key: $"


@pytest.fixture
def signing(project: Project, tmp_path: Path) -> Iterator[Project]:
    """A studio with keys and four pictures that wait."""
    with keys.account(tmp_path / "account"):
        keys.founded(project)
        keys.made(project, 4)
        yield project


def account(project: Project) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": os.environ["XDG_CONFIG_HOME"], "TERM": "xterm-256color"}


def press(shell: Shell, *pressed: str) -> str:
    """Press keys one by one, each when the page waits for it."""
    shown = ""
    for key in pressed:
        os.write(shell.screen, key.encode())
        shown += shell.wait_for(KEY)
    return shown


def begin(shell: Shell, *more: str) -> str:
    shell.type(" ".join(["ategnatos art review --pending --pictures none", *more]))
    return shell.wait_for(KEY)


def verdicts(project: Project) -> dict[str, str | None]:
    with database.connect(project) as db:
        return {one.reference: one.verdict for one in store.all_candidates(db)}


def test_keys_choose_and_one_passphrase_signs_the_batch(signing: Project) -> None:
    with Shell(signing.root, **account(signing)) as shell:
        page = begin(shell)
        assert "j1#4" in page
        sheet = re.search(r"(/\S+page-1\.png)", page)
        assert sheet is not None
        with Image.open(sheet[1]) as image:
            assert image.width > 400
        press(shell, "a")
        os.write(shell.screen, b"r")
        shell.wait_for("rejected.*:")
        shell.type("too dark")
        shell.wait_for(KEY)
        shown = press(shell, "a", "u")
        assert "j1#3 is open again" in shown
        shown = press(shell, "s", "?")
        assert "1 to approve, 1 to reject, 2 open" in shown
        assert "reject, with a reason" in shown
        assert verdicts(signing) == dict.fromkeys(verdicts(signing)), "nothing before the end"
        os.write(shell.screen, b"q")
        shown = shell.wait_for(r"no\):\s$")
        assert "1 approved, 1 rejected" in shown
        assert "because too dark" in shown
        shell.type(keys.PASSPHRASE)
        shown = shell.wait_for(re.escape(PROMPT) + "$")
    assert "2 verdicts recorded (signed): 1 approved" in shown
    given = book.read(signing)
    assert verdicts(signing) == {
        "j1#1": "approved",
        "j1#2": "rejected",
        "j1#3": None,
        "j1#4": None,
    }
    for judged in given.judged:
        assert judged.standing is Standing.SIGNED
    (_, second) = journal.read(signing, {record.VERDICT_EVENT})
    assert second.data["reason"] == "too dark"
    assert not sitting.draft_of(signing, person()).exists()


def test_a_terminal_that_closes_loses_no_choice(signing: Project) -> None:
    with Shell(signing.root, **account(signing)) as shell:
        begin(shell)
        press(shell, "a", "a")
    assert verdicts(signing) == dict.fromkeys(verdicts(signing))
    with Shell(signing.root, **account(signing)) as shell:
        page = begin(shell)
        assert "2 choices of an earlier sitting stand" in page
        os.write(shell.screen, b"q")
        shell.wait_for(r"no\):\s$")
        shell.type("")
        shown = shell.wait_for(re.escape(PROMPT) + "$")
        assert "nothing was recorded" in shown
        begin(shell)
        os.write(shell.screen, b"q")
        shell.wait_for(r"no\):\s$")
        shell.type(keys.PASSPHRASE)
        shell.wait_for(re.escape(PROMPT) + "$")
    assert list(verdicts(signing).values()) == ["approved", "approved", None, None]


def test_what_was_signed_and_not_yet_recorded_is_recorded_by_the_next_sitting(
    signing: Project,
) -> None:
    key = keyfile.load()
    private = keyfile.unseal(key, bytearray(keys.PASSPHRASE.encode()))
    with database.connect(signing) as db:
        first, second, *_ = store.candidates(db, 1)
    signed = keys.approval(signing, private, first).data()
    forged = keys.approval(signing, private, first).data()
    path = sitting.draft_of(signing, person())
    sitting.write(
        path,
        [
            Choice(first.reference, first.sha256, "approved", signed=signed),
            Choice(second.reference, second.sha256, "approved", signed=forged),
        ],
    )
    with Shell(signing.root, **account(signing)) as shell:
        page = begin(shell)
        os.write(shell.screen, b"\x04")
        shown = page + shell.wait_for(re.escape(PROMPT) + "$")
    assert "1 verdicts that you had signed" in shown
    assert verdicts(signing)["j1#1"] == "approved"
    assert verdicts(signing)["j1#2"] is None, "a signature over another picture is none over this"


def test_without_keys_the_batch_needs_a_yes(project: Project, tmp_path: Path) -> None:
    with keys.account(tmp_path / "account"):
        keys.made(project, 2)
        with Shell(project.root, **account(project)) as shell:
            begin(shell)
            press(shell, "a")
            os.write(shell.screen, b"q")
            shell.wait_for(r"yes or no:\s$")
            shell.type("yes")
            assert "unsigned" in shell.wait_for(re.escape(PROMPT) + "$")
    assert verdicts(project) == {"j1#1": "approved", "j1#2": None}


def test_a_changed_file_is_not_shown_and_cannot_be_judged(signing: Project) -> None:
    with database.connect(signing) as db:
        first = store.get_candidate(db, 1, 1)
    (signing.root / first.path).write_bytes(b"another picture")
    with Shell(signing.root, **account(signing)) as shell:
        begin(shell)
        shown = press(shell, "a", "z")
        assert "0 to approve" in shown
        assert "is not the one that was made" in shown


def test_an_agent_and_a_pipe_are_refused_with_the_command_for_a_person(
    signing: Project, program: Run, run: Run
) -> None:
    done = program("art", "review", "--pending", "--json", cwd=signing.root)
    assert done.envelope["error"]["code"] == "needs_person"
    assert "art review --pending" in done.envelope["error"]["hint"]
    with Shell(signing.root, **account(signing), CLAUDECODE="1") as shell:
        assert "comes from an agent" in shell.run("ategnatos art review --pending")
    planned = run("art", "review", "--pending", "--dry-run", "--json", cwd=signing.root)
    assert len(planned.data["waiting"]) == 4


def test_who_could_not_sign_at_the_end_is_told_at_the_beginning(
    signing: Project, tmp_path: Path
) -> None:
    stranger = {**account(signing), "XDG_CONFIG_HOME": str(tmp_path / "stranger")}
    with keys.account(tmp_path / "stranger"):
        keys.make_key("bob")
    with Shell(signing.root, **stranger) as shell:
        shown = shell.run("ategnatos art review --pending --pictures none")
        assert "Key:" not in shown
        assert "ategnatos gate trust" in shown


def test_what_somebody_asked_to_see_comes_first(signing: Project, run: Run) -> None:
    run("art", "request-review", "j1#3", "--note", "is the outline right?", cwd=signing.root)
    names = [one.reference for _, one in batch.waiting(signing)]
    assert names == ["j1#3", "j1#1", "j1#2", "j1#4"]


@given(
    st.lists(
        st.tuples(st.sampled_from(["approve", "reject", "skip", "undo"]), st.integers(1, 4)),
        max_size=30,
    )
)
def test_whatever_is_pressed_the_draft_is_what_the_sitting_holds(
    acts: list[tuple[str, int]],
) -> None:
    drafts: list[list[Choice]] = [[]]
    held = Sitting(keep=lambda choices: drafts.append(list(choices)))
    for act, number in acts:
        name, digest = f"j1#{number}", f"{number}" * 64
        if act == "approve":
            held.approve(name, digest)
        elif act == "reject":
            held.reject(name, digest, "too dark")
        elif act == "skip":
            held.skip(name)
            assert held.of(name) is None
        else:
            before = list(held.choices)
            assert held.undo() == (before[-1].candidate if before else None)
        names = [one.candidate for one in held.choices]
        assert len(names) == len(set(names))
        assert drafts[-1] == held.choices


def test_a_draft_that_is_damaged_costs_nothing_else(project: Project) -> None:
    path = sitting.draft_of(project, "person:ada")
    for text in ("", "[]", '{"format": 1, "choices": [{"candidate": 1}]}', '{"format": 9}'):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        assert sitting.read(path) == []
    choices = [Choice("j1#1", "0" * 64, "rejected", "too dark")]
    sitting.write(path, choices)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sitting.read(path) == choices
    path.write_text(json.dumps({"format": 1, "choices": [{**vars_of(choices[0]), "reason": ""}]}))
    assert sitting.read(path) == [], "a rejection without a reason is none"


def vars_of(choice: Choice) -> dict[str, object]:
    return {name: getattr(choice, name) for name in choice.__slots__}


# Pictures in terminals.

WINDOW = terminal_pictures.Window(80, 30, 10, 20)


def picture(width: int, height: int) -> tuple[bytes, Image.Image]:
    image = Image.linear_gradient("L").resize((width, height)).convert("P").convert("RGB")
    output = io.BytesIO()
    image.save(output, "PNG")
    return output.getvalue(), image


def test_a_kitty_picture_is_the_file_itself_in_pieces() -> None:
    import base64

    png = picture(300, 200)[0] + b"\0" * 9000
    data, lines = terminal_pictures.shown(png, "kitty", WINDOW, rows=20)
    pieces = re.findall(rb"\x1b_G([^;]*);([^\x1b]*)\x1b\\", data)
    assert base64.b64decode(b"".join(piece for _, piece in pieces)) == png
    assert [control[-3:] for control, _ in pieces] == [b"m=1"] * (len(pieces) - 1) + [b"m=0"]
    assert all(len(piece) <= 4096 for _, piece in pieces)
    assert 1 <= lines <= 20


def test_an_iterm_picture_is_the_file_itself() -> None:
    import base64

    png, _ = picture(64, 64)
    data, _ = terminal_pictures.shown(png, "iterm", WINDOW, rows=20)
    head, _, text = data.removeprefix(b"\x1b]1337;File=").partition(b":")
    assert f"size={len(png)}".encode() in head
    assert base64.b64decode(text.removesuffix(b"\x07\n")) == png


def test_a_sixel_picture_decodes_to_its_pixels() -> None:
    png, image = picture(120, 80)
    data, lines = terminal_pictures.shown(png, "sixel", WINDOW, rows=20)
    decoded = undone(data)
    assert decoded.size == (120, 80)
    assert lines == 4
    wanted = image.tobytes()
    worst = max(abs(a - b) for a, b in zip(decoded.tobytes(), wanted, strict=True))
    assert worst <= 6, "256 colours in steps of one percent"


def undone(data: bytes) -> Image.Image:
    """A sixel picture decoded as a VT340 does, as far as ours use it."""
    text = data.decode("ascii")
    match = re.match(r'\x1bP0;1;0q"1;1;(\d+);(\d+)', text)
    assert match is not None
    assert text.endswith("\x1b\\\n")
    image = Image.new("RGB", (int(match[1]), int(match[2])))
    palette: dict[int, tuple[int, int, int]] = {}
    left = top = colour = 0
    tokens = re.compile(r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|(?:!(\d+))?([?-~])|(\$)|(-)")
    for token in tokens.finditer(text[match.end() : -3]):
        defined, red, green, blue, chosen, times, sign, back, down = token.groups()
        if defined:
            shares = [round(int(share) * 255 / 100) for share in (red, green, blue)]
            palette[int(defined)] = (shares[0], shares[1], shares[2])
        elif chosen:
            colour = int(chosen)
        elif sign:
            for _ in range(int(times or 1)):
                for bit in range(6):
                    if (ord(sign) - 63) >> bit & 1:
                        image.putpixel((left, top + bit), palette[colour])
                left += 1
        elif back:
            left = 0
        elif down:
            left, top = 0, top + 6
    return image


@pytest.mark.parametrize(
    ("environment", "reply", "way"),
    [
        ({"TERM": "xterm-kitty"}, b"\x1b_Gi=31;OK\x1b\\\x1b[?62;c", "kitty"),
        ({"TERM": "xterm", "TERM_PROGRAM": "iTerm.app"}, b"\x1b[?62;4c", "iterm"),
        ({"TERM": "xterm"}, b"\x1b[?62;4;22c", "sixel"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, b"\x1b[?62;22c", "blocks"),
        ({"TERM": "xterm"}, b"", "none"),
        ({"TERM": "xterm", "TMUX": "x"}, b"\x1b[?62;4c", "none"),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, b"", "none"),
    ],
)
def test_a_terminal_is_known_by_what_it_says_itself(
    environment: dict[str, str], reply: bytes, way: str
) -> None:
    assert terminal_pictures.way_of(environment, reply) == way


def test_what_a_person_types_while_the_terminal_answers_is_not_lost() -> None:
    reply = b"a\x1b_Gi=31;OK\x1b\\b\x1b[?62;4cq"
    assert terminal_pictures.answered(reply)
    assert terminal_pictures.keys_in(reply) == b"abq"


def test_the_terminals_answer_and_the_keys_of_a_person_are_told_apart() -> None:
    import pty
    import select
    import tty

    from ategnatos.commands.art.review_pictures import way_of
    from ategnatos.guard.gate.keys import Keys

    master, slave = pty.openpty()
    tty.setraw(slave)
    with os.fdopen(slave, "r+b", buffering=0) as screen, pytest.MonkeyPatch.context() as patch:
        for name in ("TMUX", "STY", "TERM_PROGRAM", "LC_TERMINAL"):
            patch.delenv(name, raising=False)
        patch.setenv("TERM", "xterm-256color")
        # What the terminal says lies there before it is asked, so that no clock decides.
        os.write(master, b"a\x1b[?62;4c\x1b[Cq\x1b[5~\xc3\xa4")
        assert select.select([screen], [], [], 10)[0]
        found = Keys(screen)
        assert way_of(found, "auto") == "sixel"
        assert way_of(found, "none") == "none"
        pressed = [found.key() for _ in range(5)]
    os.close(master)
    assert pressed == ["a", "right", "q", "page up", "ä"]


def test_pictures_in_half_blocks_all_fit_the_window() -> None:
    from ategnatos.commands.art.review_pictures import blocks

    png, _ = picture(32, 32)
    for count, columns, rows in ((1, 80, 24), (9, 160, 33), (4, 100, 18)):
        drawn = blocks([(str(n), png) for n in range(count)], columns, rows).decode()
        assert drawn.count("\n") <= rows
        widest = max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in drawn.split("\n"))
        assert widest <= columns
