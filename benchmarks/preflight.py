"""The check beside a real server's recorded answers: where they agree, where not, and how fast.

    python -m benchmarks.preflight

87 recorded prompts (refused, accepted, half accepted) and 18 recorded graphs. Speed is given
against ``json.loads`` of the same graph, the least that anybody who sends it must do.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable

from ategnatos.engines.comfyui.graph import preflight
from ategnatos.engines.comfyui.graph.node_classes import Catalogue
from tests.comfyui import recordings
from tests.comfyui.graph.recorded_cases import ON_PURPOSE, cases, object_info


def main() -> int:
    counted: Counter[tuple[str, str]] = Counter()
    for case in cases():
        counted[case.server, case.ours] += 1
        if case.server != case.ours:
            why = ON_PURPOSE.get(case.name.partition(": ")[2], "NOT EXPLAINED")
            print(f"  {case.name}: the server: {case.server}; the check: {case.ours}. {why}")
    print(f"{'the server':12} {'the check':12} prompts")
    for (server, ours), many in sorted(counted.items()):
        print(f"{server:12} {ours:12} {many}")
    agree = sum(many for (server, ours), many in counted.items() if server == ours)
    print(f"agree: {agree} of {sum(counted.values())}")
    _graphs()
    _speed()
    return 0


def _graphs() -> None:
    known = object_info()
    graphs = recordings.packed("graphs")
    passed = sum(
        not any(one.blocks for one in preflight.check(graph["prompt"], known))
        for graph in graphs["ran"]
    )
    print(f"graphs that ran and pass: {passed} of {len(graphs['ran'])}")
    same = 0
    for graph in graphs["models_absent"]:
        told = {
            (node, error["extra_info"]["input_name"])
            for node, errors in graph["response"]["node_errors"].items()
            for error in errors["errors"]
        }
        found = {
            (one.node, one.input)
            for one in preflight.check(graph["prompt"], known)
            if one.effect.value == "refused"
        }
        same += told == found
    print(f"graphs whose missing files are named alike: {same} of {len(graphs['models_absent'])}")


def _speed() -> None:
    graph = next(one for one in recordings.packed("graphs")["ran"] if one["graph"] == "two_loras")
    text = json.dumps(graph["prompt"])
    classes = Catalogue(object_info())
    floor = _median(lambda: json.loads(text))
    check = _median(lambda: preflight.check(graph["prompt"], classes))
    print(f"one check: {check * 1e6:.0f} us, {check / floor:.1f} x json.loads of the graph")


def _median(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(300):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


if __name__ == "__main__":
    sys.exit(main())
