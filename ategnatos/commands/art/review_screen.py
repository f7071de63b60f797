"""The pages of ``art review``: contact sheets in the terminal, and a key for each choice.

What is drawn here decides nothing: it fills a sitting (``art/sitting.py``), and the batch is
shown and asked for as a whole afterwards.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ategnatos.commands.art.review_pictures import blocks
from ategnatos.grimoire.files import sha256_bytes, write_atomic
from ategnatos.grimoire.jobs import store
from ategnatos.guard.gate.terminal import visible
from ategnatos.pictures import terminal_pictures as pictures

if TYPE_CHECKING:
    from pathlib import Path

    from ategnatos.art.batch import Waiting
    from ategnatos.art.sitting import Sitting
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.keys import Keys

PER_PAGE = 9

_HELP = (
    "a approve   r reject, with a reason   s skip   u undo   c compare with another",
    "arrows or n/p: next, previous   1-9: that picture   < >: page   z: alone and large",
    "q finish and sign   Ctrl-C leave; what you chose is kept",
)
_MARKS = {store.APPROVED: "+", store.REJECTED: "-"}
_NEXT = frozenset({"n", "j", "right", "down", " "})
_BACK = frozenset({"p", "k", "left", "up"})
_PAGES = {">": 1, "page down": 1, "<": -1, "page up": -1}

# Lines under the picture: the list, the present one, the keys and the question.
_BELOW = PER_PAGE + 9


@dataclass(slots=True)
class Screen:
    """One sitting on one terminal. ``notes`` is what somebody asked about a picture, ``place`` the
    present one, from 0.
    """

    project: Project
    keys: Keys
    waiting: list[Waiting]
    sitting: Sitting
    way: str
    notes: dict[str, str]
    place: int = 0
    said: str = ""
    _page: int = field(default=-1, init=False)
    # What was shown with the bytes of the record; nothing else may be judged.
    _whole: set[str] = field(default_factory=set, init=False)

    def run(self) -> bool:
        """Page until the person finishes; False where the terminal went away."""
        while True:
            self._draw()
            key = self.keys.key()
            if key is None or key == "\x04":
                return False
            self.said = ""
            if key == "q":
                self.keys.show(b"\n")
                return True
            self._do(key)

    def _do(self, key: str) -> None:
        if key in _NEXT or key == "s":
            if key == "s":
                self.sitting.skip(self._now.reference)
            self._move(self.place + 1)
        elif key in _BACK:
            self._move(self.place - 1)
        elif key in _PAGES:
            self._move((self.place // PER_PAGE + _PAGES[key]) * PER_PAGE)
        elif key.isascii() and key.isdigit() and key != "0":
            self._move(self.place // PER_PAGE * PER_PAGE + int(key) - 1)
        elif key in _ACTS:
            _ACTS[key](self)
        elif key == "?":
            self.said = "\n".join(_HELP)
        elif key not in {"\n", "\r", "escape"}:
            self.said = f"{visible(key)} means nothing here; ? lists the keys."

    @property
    def _now(self) -> store.Candidate:
        return self.waiting[self.place][1]

    def _move(self, place: int) -> None:
        if place >= len(self.waiting):
            self.said = "That was the last one. q to finish, u to take the last choice back."
        self.place = min(max(place, 0), len(self.waiting) - 1)

    def approve(self) -> None:
        """Mean to approve the present picture, and go on."""
        if self._is_whole():
            self.sitting.approve(self._now.reference, self._now.sha256)
            self._move(self.place + 1)

    def reject(self) -> None:
        """Ask why, and mean to reject; without a reason nothing is chosen."""
        from ategnatos.grimoire.outgoing import redacted

        if not self._is_whole():
            return
        said = self.keys.line(f"Why is {self._now.reference} rejected? (an empty line: it is not):")
        reason = redacted(" ".join((said or "").split()))
        if not reason:
            self.said = "Not rejected: a rejection needs a reason."
            return
        self.sitting.reject(self._now.reference, self._now.sha256, reason)
        self._move(self.place + 1)

    def undo(self) -> None:
        """Take the last choice back and return to its picture."""
        name = self.sitting.undo()
        if name is None:
            self.said = "There is nothing to take back."
            return
        names = [one.reference for _, one in self.waiting]
        if name in names:
            self.place = names.index(name)
        self.said = f"{name} is open again."

    def compare(self) -> None:
        """Show the present picture beside another of the page, with what differs."""
        said = (self.keys.line("Compare with which number of this page?:") or "").strip()
        first = self.place // PER_PAGE * PER_PAGE
        other = first + int(said) - 1 if said.isascii() and said.isdigit() else -1
        if not first <= other < min(first + PER_PAGE, len(self.waiting)) or other == self.place:
            self.said = "That is no other picture of this page; nothing was compared."
            return
        from ategnatos.art import compare
        from ategnatos.commands.art.compare import notation_of

        sides = [
            compare.Side(label, one.reference, job, one)
            for label, (job, one) in zip(
                compare.LABELS, (self.waiting[self.place], self.waiting[other]), strict=False
            )
        ]
        found = compare.compare(sides, [notation_of(one.job) for one in sides])
        path = compare.write_sheet(self.project, found)
        self._alone(path.read_bytes(), path, "Any key goes back.")

    def enlarge(self) -> None:
        """Show the present picture alone, as large as the terminal allows."""
        data = self._bytes(self._now)
        if data is None:
            self.said = "The file is not the one that was made, or gone; it was not shown."
            return
        path = self.project.root / self._now.path
        self._alone(data, path, f"{self._now.reference}. Any key goes back.")

    def _alone(self, png: bytes, path: Path, text: str) -> None:
        self._clear()
        self._picture(png, path, 4)
        self.keys.show(f"{visible(text)}\n".encode())
        self.keys.key()
        self._page = -1

    def _is_whole(self) -> bool:
        """Only what was shown with the bytes that were made may be judged."""
        from ategnatos.art.verdicts import verify_bytes
        from ategnatos.grimoire.errors import StudioError

        try:
            verify_bytes(self.project, self._now)
        except StudioError as error:
            self.said = error.message
            return False
        if self._now.reference not in self._whole:
            self.said = "This file was another one when the page was drawn; look at it again (z)."
            return False
        return True

    def _bytes(self, one: store.Candidate) -> bytes | None:
        """The picture as it was made; None where the file is another one or gone."""
        try:
            data = (self.project.root / one.path).read_bytes()
        except OSError:
            return None
        if sha256_bytes(data) != one.sha256:
            return None
        self._whole.add(one.reference)
        return data

    def _draw(self) -> None:
        page = self.place // PER_PAGE
        if page != self._page:
            self._clear()
            self._show_page(page)
            self._page = page
            # The text below is drawn again over itself; the picture stays.
            self.keys.show(b"\x1b7" if self._moves_cursor else b"")
        else:
            self.keys.show(b"\x1b8\x1b[J" if self._moves_cursor else b"\n")
        lines = [*self._list(page), *self._present(), *filter(None, self.said.split("\n"))]
        lines.append(f"{self._counted()}  ? lists the keys")
        text = "\n".join(visible(line) for line in lines)
        self.keys.show(f"{text}\nKey: ".encode())

    @property
    def _moves_cursor(self) -> bool:
        return os.environ.get("TERM", "dumb") != "dumb"

    def _clear(self) -> None:
        if self._moves_cursor:
            self.keys.show(pictures.forgotten(self.way) + b"\x1b[H\x1b[2J")

    def _show_page(self, page: int) -> None:
        from ategnatos.pictures.sheet import SheetItem, contact_sheet

        shown = [
            (str(place), one, data)
            for place, (_, one) in enumerate(self._of_page(page), start=1)
            if (data := self._bytes(one)) is not None
        ]
        if not shown:
            return
        if self.way == pictures.BLOCKS:
            columns, rows, _, _ = self.keys.size()
            self.keys.show(
                blocks([(name, data) for name, _, data in shown], columns, rows - _BELOW)
            )
            return
        items = [
            SheetItem(picture=data, label=label, caption=f"{one.reference}  seed {one.seed}")
            for label, one, data in shown
        ]
        pages = -(-len(self.waiting) // PER_PAGE)
        sheet = contact_sheet(items, title=f"Review, page {page + 1} of {pages}")
        path = self.project.outputs / "review" / f"page-{page + 1}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, sheet)
        self._picture(sheet, path, _BELOW)

    def _of_page(self, page: int) -> list[Waiting]:
        return self.waiting[page * PER_PAGE : (page + 1) * PER_PAGE]

    def _picture(self, png: bytes, path: Path, below: int) -> None:
        """The picture itself where the terminal can, and its file in any case."""
        columns, rows, width, height = self.keys.size()
        cell = (width // columns, height // rows) if width and height else (10, 20)
        window = pictures.Window(columns, rows, *cell)
        if self.way in {pictures.KITTY, pictures.ITERM, pictures.SIXEL}:
            data, _ = pictures.shown(png, self.way, window, rows=max(4, rows - below))
            self.keys.show(data)
        self.keys.show(f"{visible(str(path))}\n".encode())

    def _list(self, page: int) -> list[str]:
        lines = []
        first = page * PER_PAGE
        for place, (job, one) in enumerate(self._of_page(page), start=1):
            choice = self.sitting.of(one.reference)
            mark = " " if choice is None else _MARKS[choice.verdict]
            here = ">" if first + place - 1 == self.place else " "
            because = f"  because {choice.reason}" if choice is not None and choice.reason else ""
            lines.append(f"{here}{mark} {place}  {one.reference:<8} {job.asked[:60]}{because}")
        return lines

    def _present(self) -> list[str]:
        job, one = self.waiting[self.place]
        made = f"{job.engine}, seed {one.seed}, {one.width}x{one.height}"
        stage = "a concept: approving it frees the next step, " if _is_concept(one) else ""
        lines = [f"{one.reference}: {stage}{made}, hash {one.sha256[:16]}", f"  {one.path}"]
        if one.reference in self.notes:
            lines.append(f"  asked: {self.notes[one.reference]}")
        return lines

    def _counted(self) -> str:
        chosen = self.sitting.choices
        yes = sum(one.verdict == store.APPROVED for one in chosen)
        left = len(self.waiting) - len(chosen)
        return f"{yes} to approve, {len(chosen) - yes} to reject, {left} open."


_ACTS = {
    "a": Screen.approve,
    "r": Screen.reject,
    "u": Screen.undo,
    "c": Screen.compare,
    "z": Screen.enlarge,
}


def _is_concept(one: store.Candidate) -> bool:
    from ategnatos.art.recipes.origin import is_concept

    return is_concept(one)
