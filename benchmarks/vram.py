"""How far off the memory estimate is, on readings whose source it never saw.

    python benchmarks/vram.py [--rows] [--write] [--csv FILE]

Every measured report with batch and resolution is estimated by a calibration made without its
source, beside the best constant for each family made without it too. Other reports are bounds,
kept or violated. ``--rows`` prints each; ``--write`` puts the calibration into the package;
``--csv`` scores further rows (columns of a report) with the shipped calibration.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.knowledge.vram import Report, knowledge
from ategnatos.train.vram import fit
from ategnatos.train.vram.estimate import Calibration, estimate, shipped
from ategnatos.train.vram.workload import of_report

# A page that asks for a card of a size rounds up, and to sizes that are sold.
_STATED_FACTOR = 1.5
_FAMILIES = {"flux": "flux1", "qwen_image_edit": "qwen-image"}


def constants(given: Sequence[tuple[Report, fit.Reading]]) -> list[fit.Score]:
    """Each reading by the median of its family over the other sources, else of everything."""
    scores = []
    for report, one in given:
        others = [(r, g) for r, g in given if g.source != one.source]
        like = [g.gb for r, g in others if (r.family, r.method) == (report.family, report.method)]
        guess = median(like or [g.gb for _, g in others])
        scores.append(fit.Score(report.id, one.source, one.gb, guess, guess / one.gb - 1))
    return scores


def line(name: str, scores: Sequence[fit.Score]) -> str:
    errors = sorted(abs(one.error) for one in scores)
    low = sum(one.error < -0.1 for one in scores)
    return (
        f"{name:<34} {fit.quantile(errors, 0.5):>7.1%} {fit.quantile(errors, 0.9):>9.1%}"
        f" {sum(errors) / len(errors):>7.1%} {sum(e <= 0.2 for e in errors):>4} of {len(errors)}"
        f" {low:>14}"
    )


def bounds(reports: Iterable[Report], calibration: Calibration) -> list[tuple[Report, float, bool]]:
    """Each report that is no scored reading, its estimate, and whether it is kept."""
    found = []
    for one in reports:
        if one.scored:
            continue
        made = estimate(of_report(one), calibration)
        if one.kind == "fits_card":
            kept = made.low <= one.high
        else:
            kept = one.low / _STATED_FACTOR <= made.likely <= one.high * _STATED_FACTOR
        found.append((one, made.likely, kept))
    return found


def from_csv(path: Path) -> list[Report]:
    """Reports of a CSV file with the columns of one; rows of unknown families are left out."""
    found = []
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            family = row["family"]
            named = _FAMILIES.get(family, family.replace("_", "-"))
            said, sides = row["other_settings"], re.findall(r"\d+", row["resolution"])
            values: dict[str, Any] = {"width": None, "height": None}
            if sides and "p" not in row["resolution"]:
                both = "x" in row["resolution"]
                values["width"] = int(sides[0]) if both else max(map(int, sides))
                values["height"] = int(sides[1]) if both else values["width"]
            swap = re.search(r"blocks_to_swap=(\d+)", said)
            gb = [float(one) for one in re.findall(r"[\d.]+", row["vram_gb"])]
            report = Report(
                row["id"], row["backend"], named, row["method"], gb[0], gb[-1], row["kind"],
                row["source"],
                rank=row["rank"] or None,
                batch=int(row["batch"]) if row["batch"].isdigit() else None,
                weights=row["weights_dtype"] or None,
                optimizer=row["optimizer"] or None,
                checkpointing={"1": True, "0": False}.get(row["gradient_checkpointing"]),
                compiled="compile" in said,
                block_swap=int(swap[1]) if swap else 0,
                cached_text=True if "cached" in said and "text" in said else None,
                pictures=2 if family.endswith("_edit") else 1,
                said=said,
                **values,
            )  # fmt: skip
            try:
                of_report(report)
            except (StudioError, KeyError, ValueError) as error:
                print(f"{report.id}: left out ({error})")
                continue
            found.append(report)
    return found


def write(calibration: Calibration) -> None:
    place = Path(str(files("ategnatos.knowledge").joinpath("data/vram_calibration.json")))
    content = json.loads(place.read_text(encoding="utf-8"))
    values = {key: value for key, value in asdict(calibration).items() if key != "machine"}
    head = [
        f" {json.dumps(k)}: {json.dumps(content[k])}" for k in ("description", "date", "source")
    ]
    text = ",\n".join([*head, f' "calibration": {json.dumps(values)}'])
    place.write_text("{\n" + text + "\n}\n", encoding="utf-8")


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--rows", action="store_true")
    asked.add_argument("--write", action="store_true")
    asked.add_argument("--csv", type=Path)
    options = asked.parse_args()
    if options.csv:
        reports = from_csv(options.csv)
        given = [(one, fit.Reading(of_report(one), (one.low + one.high) / 2, one.source))
                 for one in reports if one.scored]  # fmt: skip
        ours = []
        for report, one in given:
            guess = estimate(one.work).likely
            ours.append(fit.Score(report.id, one.source, one.gb, guess, guess / one.gb - 1))
    else:
        reports = list(knowledge().reports)
        given = fit.readings()
        ours = fit.leave_one_source_out(given)
    plain = constants(given)
    sources = len({one.source for one in ours})
    how = "shipped calibration" if options.csv else "each source left out in turn"
    print(f"{len(ours)} readings of {sources} sources, {how}\n")
    if options.rows:
        print(f"{'id':<6}{'what':<44}{'measured':>9}{'ours':>8}{'':>8}{'constant':>10}")
        by_id = {report.id: report for report, _ in given}
        for one, other in zip(ours, plain, strict=True):
            r = by_id[one.id]
            what = f"{r.trainer} {r.family} {r.method} x{r.batch} {r.width}x{r.height} {r.weights}"
            print(
                f"{one.id:<6}{what:<44}{one.measured:>9.1f}{one.estimated:>8.1f}{one.error:>+8.0%}"
                f"{other.error:>+10.0%}"
            )
        print()
    print(
        f"{'':<34} {'median':>7} {'90th pct':>9} {'mean':>7} {'<= 20 %':>10} {'10 % too low':>14}"
    )
    print(line("estimate", ours))
    print(line("a constant for each family", plain))
    calibration = shipped()
    print("\nbounds (shipped calibration)")
    found = bounds(reports, calibration)
    for kind in dict.fromkeys(one.kind for one, _, _ in found):
        here = [kept for one, _, kept in found if one.kind == kind]
        print(f"  {kind:<18} {sum(here):>3} kept, {len(here) - sum(here)} violated")
    for one, likely, kept in found:
        if not kept:
            print(f"    {one.id} {one.family} {one.method} {one.weights}: says {one.low:g} to "
                  f"{one.high:g}, estimate {likely:.1f}")  # fmt: skip
    if not options.csv:
        made = fit.calibrate(given)
        for name, one in (("calibration", made), ("shipped", calibration)):
            print(
                f"{name}: base {one.base} GiB, slack {one.slack}, bars"
                f" -{one.below:.0%} +{one.above:.0%}"
            )
        if options.write:
            write(made)
    worst = sorted(abs(one.error) for one in ours)
    good = fit.quantile(worst, 0.5) <= 0.2 and fit.quantile(worst, 0.9) <= 0.4
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
