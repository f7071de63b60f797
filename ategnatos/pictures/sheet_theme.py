"""The colours of a contact sheet, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as #rrggbb. A checker is two close tones: quiet, and still no plain background.

    ``verdicts`` is badge to colour.
    """

    sheet: str
    card: str
    card_edge: str
    box: str
    text: str
    quiet_text: str
    verdicts: dict[str, str]
    badge_text: str


# Text on its ground has a contrast of at least 7:1 in both themes (WCAG 2.2, level AAA), quiet
# text at least 4.5:1.
THEMES = {
    "dark": Theme(
        sheet="#121418",
        card="#1e2229",
        card_edge="#323843",
        box="#16191e",
        text="#f4f6f9",
        quiet_text="#a9b2bf",
        verdicts={"approved": "#3ecf7a", "rejected": "#ff6b6b"},
        badge_text="#0d1013",
    ),
    "light": Theme(
        sheet="#eef0f3",
        card="#ffffff",
        card_edge="#d3d8df",
        box="#f3f4f6",
        text="#14171c",
        quiet_text="#525c69",
        verdicts={"approved": "#37b96b", "rejected": "#f26d6d"},
        badge_text="#0d1013",
    ),
}

# What shows through transparent pictures, by what stands out on it.
LIGHT_CHECKER = ("#b4bac4", "#a9b0bb")
DARK_CHECKER = ("#343a45", "#3b424e")
