"""What each finding means, how bad it is, and what to do: one row each.

``stop``: not to be trained on as it is. ``look``: a person should decide. ``note``: good to know.
"""

from __future__ import annotations

from dataclasses import dataclass

STOP, LOOK, NOTE = "stop", "look", "note"

# The share of a picture that must look like lines of text for a finding.
MUCH_TEXT = 0.12


@dataclass(frozen=True, slots=True)
class Meaning:
    """``level`` is stop, look or note; ``what`` and ``do`` are for people."""

    level: str
    what: str
    do: str


_AGAIN = "Fetch or export it again, or set it aside."
MEANINGS: dict[str, Meaning] = {
    "missing": Meaning(STOP, "the file is gone", "Import it again."),
    "unreadable": Meaning(STOP, "the file cannot be read", "Check who may read it."),
    "changed": Meaning(STOP, "the file is not the one that was imported", "Import it again."),
    "empty": Meaning(STOP, "the file holds nothing", _AGAIN),
    "not_a_picture": Meaning(STOP, "the file holds no picture", _AGAIN),
    "truncated": Meaning(STOP, "the file ends too early; a trainer would stop or skip it", _AGAIN),
    "damaged": Meaning(STOP, "the file is damaged; parts of the picture are wrong", _AGAIN),
    "kills_decoder": Meaning(STOP, "decoding it ends the program", "Set it aside."),
    "bomb": Meaning(STOP, "it says it has far more pixels than a picture has", "Set it aside."),
    "too_large": Meaning(STOP, "the file is far too large", "Scale the picture down."),
    "black": Meaning(STOP, "it is black, or nearly", "Set it aside, or brighten it."),
    "flat": Meaning(STOP, "it is one colour", "Set it aside."),
    "animated": Meaning(LOOK, "it is animated; trainers take the first frame", "Export a still."),
    "suffix": Meaning(LOOK, "its suffix is not that of its content", "Rename it."),
    "cmyk": Meaning(LOOK, "its colours are for print (CMYK)", "Convert it to sRGB yourself."),
    "sixteen_bits": Meaning(NOTE, "16 bits a channel; trainers read 8", "Nothing, usually."),
    "palette": Meaning(NOTE, "it has a palette", "Nothing, usually."),
    "grey": Meaning(NOTE, "it has no colour", "Keep it if that is meant."),
    "alpha": Meaning(
        LOOK,
        "it is transparent in part; trainers fill that with black",
        "Put a ground under it, or train with masks.",
    ),
    "hidden_colour": Meaning(
        LOOK,
        "colours lie under its transparency, and a trainer shows them",
        "Put a ground under it.",
    ),
    "profile": Meaning(
        NOTE, "its colour profile is not sRGB; trainers ignore it", "Convert it to sRGB."
    ),
    "rotated": Meaning(
        LOOK, "its EXIF says it lies on its side; some trainers do not look", "Save it upright."
    ),
    "small": Meaning(LOOK, "the trainer enlarges it", "Find it larger, or leave it out."),
    "aspect": Meaning(LOOK, "the trainer cuts off much of it", "Crop it yourself."),
    "upscaled": Meaning(
        LOOK, "it looks enlarged: its finest detail is missing", "Find the original."
    ),
    "blurred": Meaning(LOOK, "nothing in it is sharp", "Find it sharper, or leave it out."),
    "blocks": Meaning(LOOK, "compression blocks show", "Find it less compressed."),
    "letterbox": Meaning(LOOK, "it has dark bars", "Crop them off."),
    "border": Meaning(LOOK, "it has a border of one colour all around", "Crop it."),
    "text": Meaning(LOOK, "much of it looks like text", "Crop it, or leave it out."),
    "watermark": Meaning(
        LOOK,
        "a mark repeats in this corner of many pictures",
        "Crop the corner: a LoRA learns it first.",
    ),
    "name": Meaning(
        LOOK,
        "its name stops some trainers' file search ([ ] * ? %)",
        "'structure' gives it a safe name.",
    ),
    "renamed": Meaning(NOTE, "its name in the source could not be kept", "Nothing."),
    "stem_shared": Meaning(
        LOOK, "two pictures would share one caption file", "'structure' gives them different names."
    ),
    "duplicate": Meaning(
        LOOK,
        "it is the same picture as another",
        "'ategnatos train dataset dedup NAME --apply' keeps the best.",
    ),
    "leak": Meaning(STOP, "training and validation hold the same picture", "Split again."),
    "dark_set": Meaning(LOOK, "nearly all pictures are dark", "Add lighter ones."),
    "light_set": Meaning(NOTE, "nearly all pictures are light", "Add darker ones."),
    "one_palette": Meaning(
        NOTE, "nearly all pictures share their main colour", "Vary it, unless it is the style."
    ),
    "kohya_folders": Meaning(
        NOTE,
        "the pictures lie in kohya's folders, REPEATS_NAME",
        "'ategnatos train dataset structure NAME --concepts ...' lays them out like that again.",
    ),
    "faces": Meaning(NOTE, "how many faces are seen", "Nothing."),
}
