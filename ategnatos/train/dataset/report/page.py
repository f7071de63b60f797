"""The text of a report, as Markdown: the verdict first, then why, then everything behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ategnatos.train.dataset.coach.sizes import with_article

if TYPE_CHECKING:
    from ategnatos.train.dataset.captions.lint import Judged
    from ategnatos.train.dataset.coach.coaching import Coached
    from ategnatos.train.dataset.coach.coverage import Row
    from ategnatos.train.dataset.report.decision import Decision
    from ategnatos.train.dataset.rights import Judgement
    from ategnatos.train.dataset.version import Version

_MOST_NAMES = 8
_BAR = 20


def page(
    version: Version,
    digest: str,
    at: str,
    decision: Decision,
    judged: Judged,
    allowed: Judgement,
    coached: Coached,
    broken: Sequence[tuple[str, str]],
    pictures: Mapping[str, str],
    samples: Sequence[tuple[str, str, str]],
    groups: Sequence[tuple[str, str]],
) -> str:
    """The whole page. ``pictures`` are links by their use (overview), ``samples`` are (name, link,
    caption), ``groups`` (title, link).
    """
    trigger = judged.metrics["trigger"]["word"] or "none yet"
    lines = [
        f"# {_text(version.dataset)}: {decision.verdict}",
        "",
        f"{coached.pictures} pictures for {with_article(coached.training)}, trigger"
        f" `{_code(trigger)}`. Version {version.number}, {at}.",
        "",
    ]
    lines += _verdict(decision)
    if "overview" in pictures:
        lines += [f"![All pictures on one sheet]({pictures['overview']})", ""]
    lines += _shopping(coached)
    lines += _samples(samples)
    lines += _coverage(coached.rows)
    lines += _captions(judged)
    lines += _groups(groups)
    lines += _rights(version, allowed)
    if broken:
        lines += ["## Cannot be used", ""]
        lines += [f"- `{_code(name)}`: {_text(why)}" for name, why in broken]
        lines += [""]
    lines += _sizes(coached)
    lines += [
        "---",
        "",
        f"Bound to dataset version `{digest[:16]}`. Any change of a picture, a caption or its"
        " rights makes a new version, and this page no longer opens the gate.",
        "",
    ]
    return "\n".join(lines)


def _verdict(decision: Decision) -> list[str]:
    stops = [one for one in decision.reasons if one.stops]
    others = [one for one in decision.reasons if not one.stops]
    lines = []
    if stops:
        lines += ["**It should not be trained on yet.** What stops it:", ""]
        lines += [_reason(one.says, one.then) for one in stops]
    else:
        lines += ["**It can be trained on.** Nothing stops it."]
    lines += [""]
    if others:
        lines += ["Worth knowing:", ""]
        lines += [_reason(one.says, one.then) for one in others]
        lines += [""]
    return lines


def _reason(says: str, then: str) -> str:
    return f"- {_text(says)}" + (f"\n  Next: `{_code(then)}`" if then else "")


def _shopping(coached: Coached) -> list[str]:
    lists = (
        ("Find", coached.list.more),
        ("Leave out", coached.list.fewer),
        ("Say in the captions", coached.list.look),
    )
    lines = ["## Shopping list", ""]
    if not any(entries for _, entries in lists):
        return [*lines, "Nothing is missing that words or measures could tell.", ""]
    if coached.list.more:
        lines += ["One picture may tick several lines.", ""]
    for title, entries in lists:
        if entries:
            lines += [f"**{title}**", "", *(f"- {_text(one.says)}" for one in entries), ""]
    return lines


def _samples(samples: Sequence[tuple[str, str, str]]) -> list[str]:
    if not samples:
        return []
    lines = ["## Samples", "", "Do these captions say what you see?", ""]
    for name, link, caption in samples:
        lines += [
            f"![{_text(name)}]({link})",
            "",
            f"> {_text(caption)}",
            "",
            f"`{_code(name)}`",
            "",
        ]
    return lines


def _coverage(rows: Sequence[Row]) -> list[str]:
    lines = ["## What it shows", ""]
    for row in rows:
        total = row.told + len(row.untold)
        lines += [f"**{row.title}**"]
        if not row.told:
            lines[-1] += ": no caption says."
            lines += [""]
            continue
        lines += ["", "| | | |", "| --- | --- | --- |"]
        for cell in row.cells:
            bar = "█" * round(cell.share * _BAR)
            few = " ← none" if not cell.pictures else " ← few" if cell.share < cell.wanted else ""
            much = " ← much" if row.known and cell.share > row.most else ""
            lines.append(f"| {cell.value} | {len(cell.pictures)} | {bar}{few}{much} |")
        if row.untold:
            lines += ["", f"{len(row.untold)} of {total} do not say."]
        lines += [""]
    return lines


def _captions(judged: Judged) -> list[str]:
    metrics = judged.metrics
    tokens, counts = metrics["tokens"], metrics["by_severity"]
    about = "" if tokens["exact"] else f", an estimate that may be {tokens['error']:.0%} off"
    lines = [
        "## Captions",
        "",
        f"{metrics['captioned']} of {metrics['pictures']} pictures have one; {metrics['in_parts']}"
        f" keep content and style apart. {tokens['least']} to {tokens['most']} tokens, median"
        f" {tokens['median']:g} (counted by {_text(tokens['counted_by'])}{about}).",
        "",
        f"{counts['error']} errors, {counts['warning']} warnings, {counts['note']} notes.",
        "",
    ]
    seen: dict[tuple[str, str], list[str]] = {}
    means: dict[tuple[str, str], str] = {}
    for one in judged.findings:
        if one.severity != "note":
            key = (one.severity, one.code)
            seen.setdefault(key, []).extend(one.pictures)
            means.setdefault(key, one.means)
    for key, names in seen.items():
        where = f" ({_names(names)})" if names else ""
        lines.append(f"- {key[0]}: {_text(means[key])}{where}")
    return [*lines, ""] if seen else lines


def _groups(groups: Sequence[tuple[str, str]]) -> list[str]:
    if not groups:
        return []
    lines = ["## The same picture more than once", ""]
    for title, link in groups:
        lines += [f"![{_text(title)}]({link})", ""]
    return lines


def _rights(version: Version, allowed: Judgement) -> list[str]:
    counted: dict[str, int] = {}
    for one in version.pictures:
        counted[one.rights.kind] = counted.get(one.rights.kind, 0) + 1
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(counted.items()))
    lines = ["## Whose they are", "", f"{told or 'nothing was said'}.", ""]
    lines += [f"- {verdict}: {_text(why)} ({n})" for verdict, why, n in allowed.reasons]
    if allowed.overridden:
        lines += [f"- let pass, because: {_text(allowed.overridden)}"]
    return [*lines, ""]


def _sizes(coached: Coached) -> list[str]:
    advice = coached.advice
    lines = ["## How many", "", _text(advice.says), ""]
    lines += [f"- {_text(one['says'])} ({_text(one['source'])})" for one in advice.voices]
    return [*lines, ""]


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{_code(name)}`" for name in names[:_MOST_NAMES])
    return shown + (f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else "")


def _text(text: str) -> str:
    """Text that came from outside, so that it neither breaks nor decorates the page."""
    flat = " ".join(text.split())
    for sign in "\\`*_[]<>|#":
        flat = flat.replace(
            sign, f"\\{sign}" if sign not in "<>" else {"<": "&lt;"}.get(sign, "&gt;")
        )
    return flat


def _code(text: str) -> str:
    return " ".join(text.split()).replace("`", "'")
