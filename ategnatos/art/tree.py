"""Iterations as a tree: each order under the picture that it varies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ategnatos.art import iterations
from ategnatos.art.references import parse_candidate
from ategnatos.grimoire.jobs import assets, store
from ategnatos.grimoire.jobs.records import PICTURE_SAGAS

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.assets import Asset
    from ategnatos.grimoire.jobs.database import Database


@dataclass(slots=True)
class Node:
    """An iteration and those that vary it. ``versions`` are such as ``site/owl/v3``."""

    job: store.Job
    pictures: Sequence[store.Candidate]
    versions: Sequence[str]
    children: list[Node] = field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        """The node and all below it as JSON values."""
        root = Node(self.job, self.pictures, self.versions)
        made = {id(self): _facts(root)}
        # No recursion: a person may vary a variation a thousand times.
        waiting = [self]
        while waiting:
            node = waiting.pop()
            for child in node.children:
                made[id(child)] = _facts(child)
                made[id(node)]["children"].append(made[id(child)])
                waiting.append(child)
        return made[id(self)]


def of_asset(db: Database, asset: Asset) -> list[Node]:
    """The versions of an asset as trees; one whose parent is no version of it is a root."""
    return _grown(db, [one.job for one in assets.versions(db, asset.id)])


def around(db: Database, job_id: int) -> Node:
    """The whole tree that a job stands in. Raises StudioError (``job_unknown``)."""
    job = store.get(db, job_id)
    # A parent is always older, so the walk ends.
    while job.parent is not None:
        job = store.get(db, parse_candidate(job.parent)[0])
    return _grown(db, _below(_links(db), job.id))[0]


def newest(db: Database, limit: int) -> list[Node]:
    """The trees that grew last, at most ``limit``, the newest first."""
    children = _links(db)
    parents = {child: parent for parent, some in children.items() for child in some}
    roots: list[int] = []
    for row in db.execute("SELECT id, saga FROM job ORDER BY id DESC"):
        if row[1] not in PICTURE_SAGAS:
            continue
        job_id = int(row[0])
        while job_id in parents:
            job_id = parents[job_id]
        if job_id not in roots:
            roots.append(job_id)
            if len(roots) == limit:
                break
    return [_grown(db, _below(children, job_id))[0] for job_id in roots]


def _below(children: Mapping[int, Sequence[int]], root: int) -> list[int]:
    """A job and all that descend from it."""
    found, waiting = [], [root]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], ())
    return found


def _links(db: Database) -> dict[int, list[int]]:
    """The jobs that vary each job, rising."""
    children: dict[int, list[int]] = {}
    rows = db.execute("SELECT parent, id FROM job WHERE parent IS NOT NULL ORDER BY id")
    for parent, child in rows:
        # "j12#3" without the cost of a pattern: there may be many.
        children.setdefault(int(parent[1 : parent.index("#")]), []).append(int(child))
    return children


def _grown(db: Database, job_ids: Iterable[int]) -> list[Node]:
    """The jobs as trees, roots and children in the order of their making."""
    wanted = sorted(set(job_ids))
    names = _versions(db, wanted)
    nodes = {
        job_id: Node(store.get(db, job_id), store.candidates(db, job_id), names.get(job_id, ()))
        for job_id in wanted
    }
    roots = []
    for node in nodes.values():
        parent = None if node.job.parent is None else parse_candidate(node.job.parent)[0]
        if parent is not None and parent in nodes:
            nodes[parent].children.append(node)
        else:
            roots.append(node)
    return roots


def version_names(db: Database, job_id: int) -> list[str]:
    """The versions that a job is, such as ``site/owl/v3``."""
    return _versions(db, [job_id]).get(job_id, [])


def _versions(db: Database, job_ids: Iterable[int]) -> dict[int, list[str]]:
    owners: dict[int, Asset] = {}
    found: dict[int, list[str]] = {}
    for job_id, versions in assets.versions_of_jobs(db, job_ids).items():
        for one in versions:
            if one.asset not in owners:
                owners[one.asset] = assets.get(db, one.asset)
            found.setdefault(job_id, []).append(f"{owners[one.asset].full_name}/{one.name}")
    return found


def _facts(node: Node) -> dict[str, Any]:
    version = node.versions[0].rpartition("/")[2] if len(node.versions) == 1 else None
    facts = iterations.facts(node.job, node.pictures, version)
    return {**facts, "versions": list(node.versions), "children": []}
