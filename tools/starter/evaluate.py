"""Does the exported model draw what it is asked for? Measured on prompts withheld from training."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import torch

from .captions import STYLES, Captioner, Fact, held_out
from .card import write_card
from .judge import Judge, train_judge
from .sampler import Model, load_exported
from .sheet import contact_sheet
from .sprites.chance import Chance
from .words import Words, load_words

STYLE_SETS = ((), ("outlined",), ("shiny",), ("flat",), ("outlined", "shiny"), ("outlined", "flat"))


def withheld_facts(words: Words, count: int, chance: Chance) -> list[Fact]:
    """Return `count` facts about combinations that training never showed, in turns by kind."""
    queues = {
        kind: [
            (colour, styles)
            for colour in words.colours
            for styles in STYLE_SETS
            if held_out(kind, colour, styles)
        ]
        for kind in words.kinds
    }
    for kind, queue in queues.items():
        order = chance.generator.permutation(len(queue))
        queues[kind] = [queue[place] for place in order]
    facts, turn = [], 0
    while len(facts) < count:
        for kind, queue in queues.items():
            if queue:
                colour, styles = queue[turn % len(queue)]
                size = chance.pick([None, None, "small", "big"])
                facts.append(Fact(kind, colour, size, styles))
        turn += 1
    return facts[:count]


def score(words: Words, judge: Judge, facts: list[Fact], rgba: np.ndarray) -> dict[str, object]:
    """Compare what the judge reads in `rgba` with the `facts` asked for; shares from 0 to 1."""
    read = judge.read(rgba)
    kinds, colours = list(words.kinds), list(words.colours)
    kind_right = np.array(
        [kinds[row[0]] == fact.kind for row, fact in zip(read, facts, strict=True)]
    )
    colour_right = np.array(
        [colours[row[1]] == fact.colour for row, fact in zip(read, facts, strict=True)]
    )
    sizes = [None, "small", "big"]
    result: dict[str, object] = {
        "prompts": len(facts),
        "kind": float(kind_right.mean()),
        "colour": float(colour_right.mean()),
        "size": float(
            np.mean([sizes[row[2]] == fact.size for row, fact in zip(read, facts, strict=True)])
        ),
    }
    every_asked = []
    for place, style in enumerate(STYLES):
        asked = np.array([style in fact.styles for fact in facts])
        shown = read[:, 3 + place].astype(bool)
        result[style] = {
            "asked": int(asked.sum()),
            "shown_when_asked": float(shown[asked].mean()),
            "absent_when_not_asked": float((~shown[~asked]).mean()),
        }
        every_asked.append(shown[asked])
    result["style_words"] = float(np.concatenate(every_asked).mean())
    result["wrong_kinds"] = sorted(
        f"{fact.kind} read as {kinds[row[0]]}"
        for row, fact, right in zip(read, facts, kind_right, strict=True)
        if not right
    )
    result["wrong_colours"] = sorted(
        f"{fact.colour} {fact.kind} read as {colours[row[1]]}"
        for row, fact, right in zip(read, facts, colour_right, strict=True)
        if not right
    )
    return result


def sheet_by_kind(model: Model, words: Words, path: Path, guidance: float, steps: int) -> None:
    """Write a sheet with a row of twelve sprites of each kind: colours, sizes, styles."""
    colours = list(words.colours)
    extras = (
        "",
        "",
        "",
        "",
        "small ",
        "big ",
        "outlined ",
        "outlined ",
        "shiny ",
        "flat ",
        "outlined shiny ",
        "big outlined ",
    )
    prompts = [
        f"a {extra}{colours[(number + row * 5) % len(colours)]} {kind}"
        for row, kind in enumerate(words.kinds)
        for number, extra in enumerate(extras)
    ]
    pictures = model.sample(prompts, steps, guidance, seed=3)
    contact_sheet(list(pictures), len(extras)).save(path)


def weights_hash(folder: Path) -> str:
    """Return the SHA-256 of the denoiser's weight file."""
    data = (folder / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()
    return hashlib.sha256(data).hexdigest()


def evaluate(arguments: argparse.Namespace) -> None:
    """Score the exported model, write `RUN/evaluation.json` and sheets, renew the model card."""
    torch.set_num_threads(1)
    words = load_words()
    model = load_exported(arguments.weights)
    judge, accuracy = train_judge(words, arguments.run / "judge.pt")
    print("judge on fresh drawings:", {name: f"{share:.1%}" for name, share in accuracy.items()})
    chance = Chance(np.random.default_rng(2026))
    facts = withheld_facts(words, arguments.prompts, chance)
    captioner = Captioner(words)
    prompts = [captioner.say(fact, chance) for fact in facts]
    results = []
    for steps in arguments.steps:
        for guidance in arguments.guidance:
            rgba = model.sample(prompts, steps, guidance, seed=1)
            result = {"steps": steps, "guidance": guidance, **score(words, judge, facts, rgba)}
            results.append(result)
            print(json.dumps(result))
            name = f"withheld_{steps}_{guidance:g}.png"
            contact_sheet(list(rgba), 20, 2).save(arguments.run / name)
    sheet_by_kind(
        model, words, arguments.run / "by_kind.png", arguments.guidance[0], arguments.steps[0]
    )
    report = {
        "weights": weights_hash(arguments.weights),
        "judge": accuracy,
        "results": results,
        "prompt_examples": prompts[:12],
    }
    (arguments.run / "evaluation.json").write_text(json.dumps(report, indent=2) + "\n")
    write_card(arguments.run, arguments.weights)
