"""The sprite generator of the starter model: every drawing, its colours, its words."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # tools/ is not installed with the package

from tools.starter.captions import Captioner, Fact, held_out  # noqa: E402
from tools.starter.data import Examples, draw_maps, looks_of, to_model, to_rgba  # noqa: E402
from tools.starter.sprites import DRAWERS, Look, colour_tables, draw, table  # noqa: E402
from tools.starter.sprites.chance import Chance  # noqa: E402
from tools.starter.sprites.owl import draw_owl, owl_sprites  # noqa: E402
from tools.starter.sprites.palette import MATERIALS, SHADES  # noqa: E402
from tools.starter.tokens import byte_alphabet, learn_merges, merge_pair, vocabulary  # noqa: E402
from tools.starter.words import load_words  # noqa: E402

WORDS = load_words()
LOOKS = [
    Look("sword", size, outlined, shiny, flat)
    for size in (None, "small", "big")
    for outlined in (False, True)
    for shiny, flat in ((False, False), (True, False), (False, True))
]


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def share_of(index_map: np.ndarray, material: str) -> float:
    """Return the share of the opaque pixels that have `material`."""
    materials = index_map // SHADES
    return float((materials == MATERIALS.index(material)).sum() / (materials > 0).sum())


def test_the_same_seed_draws_the_same_sprite() -> None:
    for kind in DRAWERS:
        first, again = (draw(Look(kind), generator(3)) for _ in range(2))
        assert np.array_equal(first, again), kind


def test_other_seeds_draw_other_sprites() -> None:
    drawings = {draw(Look("potion"), generator(seed)).tobytes() for seed in range(8)}
    assert len(drawings) > 4


@pytest.mark.parametrize("kind", sorted(DRAWERS))
def test_every_kind_draws_in_every_look(kind: str) -> None:
    for number, look in enumerate(LOOKS):
        drawn = draw(Look(kind, look.size, look.outlined, look.shiny, look.flat), generator(number))
        assert drawn.shape == (32, 32)
        assert drawn.dtype == np.uint8
        assert not drawn[[0, 0, -1, -1], [0, -1, 0, -1]].any(), "corners are transparent"
        opaque = (drawn > 0).mean()
        assert 0.04 < opaque < 0.9, (look, opaque)
        assert share_of(drawn, "main") > 0.1, "the colour word has something to colour"


def test_every_kind_takes_every_colour() -> None:
    tables = colour_tables()
    assert tables.shape == (len(WORDS.colours), len(MATERIALS) * SHADES, 4)
    for kind in DRAWERS:
        drawn = draw(Look(kind), generator())
        coloured = tables[:, drawn]
        assert len({picture.tobytes() for picture in coloured}) == len(WORDS.colours), kind
        assert set(np.unique(coloured[..., 3])) == {0, 255}
        assert not coloured[coloured[..., 3] == 0].any(), "transparent pixels carry no colour"


def test_a_sprite_keeps_to_a_small_palette() -> None:
    for kind in DRAWERS:
        drawn = draw(Look(kind, "big", outlined=True, shiny=True), generator())
        assert len(np.unique(drawn)) <= 32, kind


def test_ramps_run_from_dark_to_light() -> None:
    for colour, ramp in WORDS.ramps.items():
        assert len(ramp) == SHADES
        assert all(re.fullmatch("#[0-9a-f]{6}", step) for step in ramp)
        values = [sum(bytes.fromhex(step[1:])) for step in ramp]
        assert values == sorted(values), colour


def test_an_outline_is_drawn_only_when_asked_for() -> None:
    for kind in DRAWERS:
        assert share_of(draw(Look(kind, outlined=True), generator()), "outline") > 0.05, kind
        assert share_of(draw(Look(kind), generator()), "outline") == 0, kind


def test_an_outline_closes_the_silhouette() -> None:
    materials = np.pad(draw(Look("apple", "big", outlined=True), generator()) // SHADES, 1)
    inside = (materials > 0) & (materials != MATERIALS.index("outline"))
    empty = materials == 0
    for axis in (0, 1):
        for step in (-1, 1):
            assert not (inside & np.roll(empty, step, axis)).any()


def test_a_gleam_shows_only_on_shiny_sprites() -> None:
    gleam = MATERIALS.index("gleam")
    for kind in set(DRAWERS) - {"slime", "fish", "bat"}:  # these have it in their eyes or teeth
        assert gleam in draw(Look(kind, shiny=True), generator()) // SHADES, kind
        assert gleam not in draw(Look(kind), generator()) // SHADES, kind


def test_flat_sprites_have_fewer_shades() -> None:
    for kind in ("heart", "apple", "star", "slime", "key"):
        main = range(SHADES * MATERIALS.index("main"), SHADES * (MATERIALS.index("main") + 1))
        flat, shaded = (
            len({*np.unique(draw(Look(kind, flat=flat), generator()))} & {*main})
            for flat in (True, False)
        )
        assert flat < shaded, kind


def test_small_is_smaller_than_plain_and_big_is_bigger() -> None:
    for kind in DRAWERS:
        small, plain, big = (
            (draw(Look(kind, size), generator(2)) > 0).sum() for size in ("small", None, "big")
        )
        assert small < plain < big, kind


def test_words_and_drawings_name_the_same_kinds() -> None:
    assert set(WORDS.kinds) == set(DRAWERS)


def test_each_word_means_one_thing() -> None:
    groups = [*WORDS.kinds.values(), *WORDS.colours.values(), *WORDS.sizes.values()]
    groups += [*WORDS.styles.values(), WORDS.fillers]
    spoken = [word for group in groups for word in group]
    assert len(spoken) == len(set(spoken))
    assert all(re.fullmatch("[a-z]+", word) for word in spoken)
    assert all(options[0] == name for name, options in WORDS.kinds.items())


def test_the_owl_is_kept_for_the_lora_demonstration() -> None:
    assert not [word for word in WORDS.known() if word.startswith("owl")]
    assert "owl" not in DRAWERS
    owls = owl_sprites()
    assert len(owls) >= 16
    assert len({owl.tobytes() for owl in owls}) == len(owls)
    assert np.array_equal(owls[3], owl_sprites()[3])
    assert table("red")[draw_owl(generator(), "flying", "small")].shape == (32, 32, 4)


def test_every_known_word_becomes_one_token() -> None:
    merges = learn_merges(WORDS.known())
    symbols = vocabulary(merges)
    assert len(byte_alphabet()) == 256
    assert list(symbols.values()) == list(range(len(symbols)))
    for word in WORDS.known():
        pieces = [*word[:-1], word[-1] + "</w>"]
        for first, second in merges:
            pieces = merge_pair(pieces, first, second)
        assert pieces == [word + "</w>"]
        assert pieces[0] in symbols


def test_captions_say_the_kind_colour_size_and_style() -> None:
    captioner, chance = Captioner(WORDS), Chance(generator())
    fact = Fact("potion", "red", "small", ("outlined", "shiny"))
    groups = [WORDS.kinds["potion"], WORDS.colours["red"], WORDS.sizes["small"]]
    groups += [WORDS.styles["outlined"], WORDS.styles["shiny"]]
    for _ in range(200):
        spoken = captioner.say(fact, chance).replace(",", "").split()
        for group in groups:
            assert len([word for word in spoken if word in group]) == 1, spoken


def test_captions_of_a_plain_sprite_name_no_style() -> None:
    captioner, chance = Captioner(WORDS), Chance(generator())
    styled = {word for group in (*WORDS.styles.values(), *WORDS.sizes.values()) for word in group}
    for _ in range(200):
        caption, fact = captioner.write(Look("tree"), "green", chance)
        assert fact.kind or fact.colour
        assert not styled & set(caption.replace(",", "").split()), caption


def test_about_a_tenth_of_the_combinations_is_withheld_from_training() -> None:
    sets = [(), ("outlined",), ("shiny",), ("flat",), ("outlined", "shiny"), ("outlined", "flat")]
    withheld = [
        held_out(kind, colour, styles)
        for kind in WORDS.kinds
        for colour in WORDS.colours
        for styles in sets
    ]
    assert 0.07 < np.mean(withheld) < 0.13
    assert held_out("sword", "red", ()) == held_out("sword", "red", ())


def test_training_examples_leave_the_withheld_combinations_out() -> None:
    kinds = {name: WORDS.kinds[name] for name in ("sword", "tree")}
    words = replace(WORDS, kinds=kinds)
    examples = Examples(words, draw_maps(words, each=1, seed=1))
    rgba, captions, labels = examples.batch(300, Chance(generator()))
    assert rgba.shape == (300, 32, 32, 4)
    assert len(captions) == len(labels) == 300
    colours = list(WORDS.colours)
    for kind, colour, _, *flags in labels:
        names = ("outlined", "shiny", "flat")
        styles = tuple(name for name, flag in zip(names, flags, strict=True) if flag)
        assert not held_out(list(kinds)[kind], colours[colour], styles)


def test_looks_are_shares_of_a_whole() -> None:
    assert sum(share for _, share in looks_of("cat")) == pytest.approx(1.0)


def test_model_pixels_turn_back_into_the_same_bytes() -> None:
    rgba = np.stack(owl_sprites(4))
    pixels = to_model(rgba)
    assert pixels.shape == (4, 4, 32, 32)
    assert np.abs(pixels).max() <= 1.0
    assert (pixels[:, :3].transpose(0, 2, 3, 1)[rgba[..., 3] == 0] == 0).all()
    assert np.array_equal(to_rgba(pixels), rgba)
