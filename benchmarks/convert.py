"""Workflows of ComfyUI's editor to graphs: how many, how well, how fast.

    python -m benchmarks.convert                      # without a browser
    python -m benchmarks.convert --editor             # against the editor
    python -m benchmarks.convert --editor --all       # all 644 (6 minutes)
    python -m benchmarks.convert --truth FILE         # keep the editor's answers

The corpus is PyPI ``comfyui-workflow-templates-json``. There are two truths. The editor's own
``graphToPrompt``, which is worth as much as the node definitions it is given: recorded from a
real server, or derived from the corpus. And the values that newer files name themselves
(``widgets_values_named``): the conversion is made from the bare lists, without those names.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from ategnatos.engines.comfyui.graph import preflight
from ategnatos.engines.comfyui.graph.convert import to_api
from ategnatos.engines.comfyui.graph.node_classes import Catalogue
from ategnatos.grimoire.errors import StudioError
from benchmarks.comfyui_corpus import definitions, front_end
from tests.comfyui.graph import corpus, recorded_classes, same_graph, truths

Row = tuple[str, int, int, str]


def main() -> int:
    options = _options()
    if not corpus.installed():
        print(corpus.MISSING)
        return 1
    names = corpus.names()
    recorded = recorded_classes.recorded()
    derived = definitions.derived(names, recorded)
    classes = Catalogue({**recorded, **derived})
    ours, refused, seconds = _convert(names, classes)
    print(f"{len(names)} workflows; median {statistics.median(seconds) * 1e3:.2f} ms each")
    _print([("converted", len(ours), len(names), "; ".join(refused.values()))])
    bare, refused, _ = _convert(names, classes, with_names=False)
    for name, why in refused.items():
        print(f"  refused from bare lists: {name}: {why}")
    _print([("converted from bare lists of values", len(bare), len(names), "")])
    _print(_checked(names, Catalogue(recorded)))
    _print([_named_values(names, Catalogue(recorded))])
    if options.editor or options.truth:
        _against_the_editor(options, names, ours, Catalogue(recorded), classes)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Plain)
    parser.add_argument("--editor", action="store_true", help="ask the editor itself")
    parser.add_argument("--all", action="store_true", help="also where node definitions lack")
    parser.add_argument("--truth", type=Path, help="the editor's answers, kept (.json.gz)")
    return parser.parse_args()


class _Plain(argparse.RawDescriptionHelpFormatter):
    """The description as it is written."""


def _convert(
    names: tuple[str, ...], classes: Catalogue, *, with_names: bool = True
) -> tuple[dict[str, Any], dict[str, str], list[float]]:
    done, refused, seconds = {}, {}, []
    for name in names:
        ui = corpus.workflow(name)
        ui = ui if with_names else corpus.without_names(ui)
        start = time.perf_counter()
        try:
            done[name] = to_api(ui, classes).graph
        except StudioError as error:
            refused[name] = f"{error.code.code}: {error.message[:110]}"
        seconds.append(time.perf_counter() - start)
    return done, refused, seconds


def _checked(names: tuple[str, ...], recorded: Catalogue) -> list[Row]:
    """Workflows whose nodes a recorded server has: does the check pass them there?"""
    whole = passed = 0
    other: Counter[str] = Counter()
    for name in names:
        ui = corpus.workflow(name)
        if not corpus.classes(ui) <= set(recorded):
            continue
        whole += 1
        found = [
            one
            for one in preflight.check(to_api(ui, recorded).graph, recorded)
            if one.blocks
            and one.code not in ("model_missing", "file_missing")
            # Of most recorded classes the choices were not kept; an empty list says nothing.
            and not (one.code == "not_in_list" and one.allowed.startswith("nothing"))
        ]
        passed += not found
        other.update(f"{one.class_type}.{one.input} {one.code}: {one.given!r}" for one in found)
    why = "; ".join(f"{text} ({many})" for text, many in other.most_common(8))
    return [("check passes on the recorded server, files apart", passed, whole, why)]


def _named_values(names: tuple[str, ...], classes: Catalogue) -> Row:
    """Every value that a file names itself, against the one read from the bare list."""
    good = total = 0
    wrong: Counter[str] = Counter()
    for name in names:
        for place, same in truths.named_values(name, classes):
            total += 1
            good += same
            if not same:
                wrong[place] += 1
    why = "; ".join(f"{place} ({many})" for place, many in wrong.most_common(6))
    return ("values that files name, read from their bare lists", good, total, why)


def _against_the_editor(
    options: argparse.Namespace,
    names: tuple[str, ...],
    ours: dict[str, Any],
    recorded: Catalogue,
    classes: Catalogue,
) -> None:
    kinds = {name: _kind(name, recorded, classes) for name in names}
    truth = _truth(
        options, [name for name in names if options.all or kinds[name] != "some"], classes
    )
    tally: dict[str, Counter[str]] = {kind: Counter() for kind in ("recorded", "derived", "some")}
    older_classes: Counter[str] = Counter()
    nameless_classes: Counter[str] = Counter()
    for name, answer in truth.items():
        kind = kinds[name]
        if "graph" not in answer:
            tally[kind]["the editor refuses"] += 1
        elif older := truths.older_definition(corpus.workflow(name), classes):
            tally[kind]["apart"] += 1
            older_classes[older] += 1
        elif nameless := truths.nameless_offer(corpus.workflow(name), classes):
            tally[kind]["apart"] += 1
            nameless_classes[nameless] += 1
        elif name not in ours:
            tally[kind]["refused by us"] += 1
        elif differing := same_graph.differences(ours[name], answer["graph"], classes):
            tally[kind]["differ"] += 1
            places = same_graph.first_inputs(ours[name], answer["graph"], classes)
            print(f"  differs: {name}: {'; '.join((places or differing)[:3])}")
        else:
            tally[kind]["agree"] += 1
    for why, counted in (
        ("the definition at hand is older than the workflow", older_classes),
        ("a subgraph offers a field of a node without a definition", nameless_classes),
    ):
        names_of = ", ".join(f"{one} {many}" for one, many in counted.most_common())
        print(f"  apart, {why}: {names_of or 'none'}")
    words = {
        "recorded": "the editor, all nodes recorded from a server",
        "derived": "the editor, some definitions derived from the corpus",
        "some": "the editor, nodes without a definition: links only",
    }
    rows = []
    for kind, counted in tally.items():
        total = counted["agree"] + counted["differ"] + counted["refused by us"]
        rest = ", ".join(f"{key} {counted[key]}" for key in counted if key != "agree")
        rows.append((words[kind], counted["agree"], total, rest))
    rows.append(("the editor, all of these", sum(r[1] for r in rows), sum(r[2] for r in rows), ""))
    _print(rows)


def _kind(name: str, recorded: Catalogue, classes: Catalogue) -> str:
    used = corpus.classes(corpus.workflow(name))
    return "recorded" if used <= set(recorded) else "derived" if used <= set(classes) else "some"


def _truth(
    options: argparse.Namespace, names: list[str], classes: Catalogue
) -> dict[str, dict[str, Any]]:
    if options.truth and options.truth.exists():
        kept: dict[str, dict[str, Any]] = json.loads(gzip.decompress(options.truth.read_bytes()))
        return {name: kept[name] for name in names if name in kept}
    if front_end.missing():
        sys.exit(f"The editor cannot be asked: {front_end.missing()}")
    found = front_end.graphs(
        ((name, corpus.workflow(name)) for name in names), dict(classes.raw), print
    )
    if options.truth:
        options.truth.write_bytes(gzip.compress(json.dumps(found).encode(), mtime=0))
    return found


def _print(rows: list[Row]) -> None:
    for title, good, total, rest in rows:
        share = f"{100 * good / total:5.1f} %" if total else "   -   "
        print(f"{title:56} {good:5} / {total:<5} {share}  {rest}")


if __name__ == "__main__":
    sys.exit(main())
