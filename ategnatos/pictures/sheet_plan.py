"""Where everything on a contact sheet goes: arithmetic only, no picture is touched."""

from __future__ import annotations

from dataclasses import dataclass, replace

MARGIN = 28
_GAP = 16
_GAP_OF_MANY = 10
_FEW = 16
_LARGEST_BOX = 640
_LARGEST_SINGLE_BOX = 896
_SMALLEST_BOX = 72
_SMALLEST_SHARE = 0.75
# Narrower than this a title has no room; the cards are centred instead.
_NARROWEST_SHEET = 760


@dataclass(frozen=True, slots=True)
class CardMeasures:
    """One card, all in pixels: the picture's box, the padding around it, and the text sizes.

    ``inner`` is the width between the paddings: that of the box, or more where the number and
    a verdict beside it need it.
    """

    box: tuple[int, int]
    inner: int
    padding: int
    number_size: int
    caption_size: int
    caption_lines: int

    @property
    def number_top(self) -> int:
        """From the card's top edge to the top of the number's figures."""
        return self.box[1] + 2 * self.padding + self.padding // 4

    @property
    def number_height(self) -> int:
        """The height of the number's figures: capitals take 7 tenths of a font's size."""
        return round(self.number_size * 0.7)

    @property
    def caption_top(self) -> int:
        """From the card's top edge to the top of the caption's capitals."""
        return self.number_top + self.number_height + round(self.caption_size * 0.75)

    @property
    def caption_line_height(self) -> int:
        """From one caption line to the next."""
        return round(self.caption_size * 1.36)

    @property
    def badge_size(self) -> int:
        """The text size of the verdict."""
        return max(12, round(self.number_size * 0.42))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the whole card."""
        bottom = self.number_top + self.number_height
        if self.caption_lines:
            bottom = self.caption_top + round(self.caption_size * 0.7)
            bottom += (self.caption_lines - 1) * self.caption_line_height
        # Room for the tails of letters below the last line.
        bottom += self.caption_size // 5
        return self.inner + 2 * self.padding, bottom + self.padding + self.padding // 4


@dataclass(frozen=True, slots=True)
class SheetPlan:
    """The grid: ``columns`` x ``rows`` cards of one size, on a sheet ``width`` pixels wide."""

    columns: int
    rows: int
    card: CardMeasures
    width: int
    gap: int

    @property
    def grid_size(self) -> tuple[int, int]:
        """Width and height of all cards with the gaps between them."""
        return (
            self.columns * self.card.size[0] + (self.columns - 1) * self.gap,
            self.rows * self.card.size[1] + (self.rows - 1) * self.gap,
        )

    def card_place(self, index: int, top: int) -> tuple[int, int]:
        """Left and top of card ``index`` in a grid that starts at ``top``."""
        row, column = divmod(index, self.columns)
        left = (self.width - self.grid_size[0]) // 2
        return (
            left + column * (self.card.size[0] + self.gap),
            top + row * (self.card.size[1] + self.gap),
        )


def measure_card(box: tuple[int, int], caption_lines: int, badges: bool) -> CardMeasures:
    """A card around a picture box: text grows with it, within what is legible."""
    bare = CardMeasures(
        box=box,
        inner=box[0],
        padding=min(16, max(8, box[0] // 24)),
        number_size=min(44, max(22, box[0] // 8)),
        caption_size=min(21, max(14, box[0] // 17)),
        caption_lines=caption_lines,
    )
    if not badges:
        return bare
    # "#64" is about two sizes wide, the pill around "APPROVED" eight.
    return replace(bare, inner=max(box[0], bare.number_size * 2 + bare.badge_size * 8))


def plan_sheet(
    count: int,
    *,
    aspect: float,
    grid_side: int,
    caption_lines: int,
    badges: bool,
    columns: int | None,
    width: int,
    height: int,
) -> SheetPlan:
    """The grid that shows ``count`` pictures of ``aspect`` (width / height) largest.

    ``width`` and ``height`` are the pixels for the cards, margins excluded. A box side is a
    multiple of ``grid_side`` where there is room, so that pixel art fills it by a whole factor.
    ``badges`` says whether any card carries a verdict. ``columns`` fixes the grid; the
    pictures are then as large as that allows.
    """
    choices = [columns] if columns is not None else range(1, count + 1)
    plans = [
        _plan(count, choice, aspect, grid_side, caption_lines, badges, width, height)
        for choice in choices
    ]
    # Of equally large pictures the grid with fewer holes, then the wider one.
    return max(
        plans,
        key=lambda plan: (
            plan.card.box[0],
            count - plan.columns * plan.rows,
            plan.columns,
        ),
    )


def _plan(
    count: int,
    columns: int,
    aspect: float,
    grid_side: int,
    caption_lines: int,
    badges: bool,
    width: int,
    height: int,
) -> SheetPlan:
    columns = min(columns, count)
    rows = -(-count // columns)
    gap = _GAP if count <= _FEW else _GAP_OF_MANY
    cell = (width - (columns - 1) * gap) // columns
    cell_height = (height - (rows - 1) * gap) // rows
    largest = _LARGEST_SINGLE_BOX if count == 1 else _LARGEST_BOX
    box_width = _SMALLEST_BOX
    for side in range(min(largest, cell), _SMALLEST_BOX, -1):
        card = measure_card(_box(side, aspect), caption_lines, badges)
        if card.size[0] <= cell and card.size[1] <= cell_height and card.box[1] <= largest:
            box_width = side
            break
    box = _box(box_width, aspect)
    if grid_side > 1:
        whole = (box[0] - box[0] % grid_side, box[1] - box[1] % grid_side)
        # Where the art fits only a time or two, a smaller box would cost too much.
        if min(whole) >= _SMALLEST_SHARE * min(box):
            box = whole
    card = measure_card(box, caption_lines, badges)
    grid_width = columns * card.size[0] + (columns - 1) * gap
    return SheetPlan(columns, rows, card, max(grid_width + 2 * MARGIN, _NARROWEST_SHEET), gap)


def _box(width: int, aspect: float) -> tuple[int, int]:
    return width, max(1, round(width / aspect))
