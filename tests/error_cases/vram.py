"""Codes of memory in training: what nothing is known of."""

from __future__ import annotations

from ategnatos.knowledge.vram import knowledge

CASES = {
    "vram_family": lambda folder: knowledge().network("flux3"),
    "trainer_habits": lambda folder: knowledge().habits("nobody"),
}
