"""The commands of the starter model: `python -m tools.starter COMMAND --run FOLDER`."""

from __future__ import annotations

import argparse
from pathlib import Path

WEIGHTS = Path(__file__).resolve().parents[2] / "ategnatos" / "starter" / "weights"
OWLS = Path(__file__).resolve().parents[2] / "ategnatos" / "starter" / "owls"
COMMANDS = ("sheet", "text", "train", "export", "evaluate", "owls", "all")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.starter", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--run", type=Path, required=True, help="folder of checkpoints and logs")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the model")
    parser.add_argument("--samples", type=int, default=0, help="train on so many samples ...")
    parser.add_argument("--minutes", type=float, default=120.0, help="... or for so long")
    parser.add_argument(
        "--start", type=Path, help="begin with the exported model in this folder, not from random"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--port", type=int, default=29517)
    parser.add_argument(
        "--weight",
        nargs="*",
        default=[],
        metavar="KIND=NUMBER",
        help="draw a kind more or less often than the others",
    )
    parser.add_argument("--prompts", type=int, default=400, help="held-out prompts to evaluate")
    parser.add_argument("--guidance", type=float, nargs="*", default=[2.0])
    parser.add_argument("--steps", type=int, nargs="*", default=[12])
    return parser.parse_args()


def make_text(run: Path) -> None:
    """Train the tokenizer and the text encoder into `run`."""
    import torch

    from .data import Examples, draw_maps
    from .text import prepare_tokenizer, train_text_encoder
    from .train import MAPS_EACH, MAPS_SEED
    from .words import load_words

    torch.set_num_threads(1)
    words = load_words()
    examples = Examples(words, draw_maps(words, MAPS_EACH, MAPS_SEED, run / "maps.npy"))
    tokenizer = prepare_tokenizer(words, run / "tokenizer")
    encoder, accuracy = train_text_encoder(words, examples, tokenizer)
    encoder.save_pretrained(run / "text_encoder")
    print(f"text encoder: {accuracy:.1%} of fresh captions read without a mistake")


def main() -> None:
    """Run one command, or all of them in order."""
    arguments = parse()
    arguments.run.mkdir(parents=True, exist_ok=True)
    chosen = arguments.command
    if chosen in ("sheet", "all"):
        from .sheet import drawing_sheet

        drawing_sheet(arguments.run / "drawings.png")
    if chosen == "owls":
        from .owls import write_owls

        write_owls(OWLS)
    if chosen in ("text", "all"):
        make_text(arguments.run)
    if chosen in ("train", "all"):
        from .train import train

        train(arguments)
    if chosen in ("export", "all"):
        from .export import export

        export(arguments.run, arguments.weights)
    if chosen in ("evaluate", "all"):
        from .evaluate import evaluate

        evaluate(arguments)


if __name__ == "__main__":
    main()
