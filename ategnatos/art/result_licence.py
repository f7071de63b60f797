"""The licence of a result: the strictest of what went into it, each term with its source.

Four kinds of terms count: of the model, of each LoRA, of the dataset that a LoRA was trained on,
and of the service that made the picture. What nobody knows stays unknown; it is never taken for
allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from ategnatos.knowledge import loader

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.store import Job
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.manifest import ResultLicence, Term
    from ategnatos.guard.policy import Judgement

# From free to forbidden. An unknown term may be any of them, a forbidding one is certain.
STRICTNESS = ("yes", "conditions", "unknown", "no")

# Where the inventory of models keeps the licence of what a LoRA was trained on.
DATASET_FACT = "dataset_licence"


def terms_of(project: Project, job: Job) -> list[Term]:
    """Everything that the pictures of a job come under, as it is known now.

    Raises StudioError (``family_unknown``, and of the document ``models``).
    """
    from ategnatos.grimoire.schemas.manifest import Term

    if "imported" in job.request:
        return [_of_the_import(job)]
    found = [_of_the_model(job), *_of_the_pictures(project, job)]
    engine = _engines().get(job.engine)
    if engine is None:
        found.append(_unknown("api", job.engine, "the terms of this service are not known"))
    elif engine["api"] is not None:
        found.append(Term(of="api", name=job.engine, source=engine["source"], **engine["api"]))
    loras = job.request.get("loras") or ()
    files = _inventory(project) if loras else {}
    for lora in loras:
        entry = files.get(str(lora.get("sha256") or ""), {})
        name, said = str(lora["name"]), str(entry.get("licence") or "")
        found.append(_named("lora", name, said, str(entry.get("source") or "")))
        trained = str((entry.get("facts") or {}).get(DATASET_FACT) or "")
        if trained:
            found.append(_named("dataset", f"of {name}", trained, ""))
    return found


def strictest(terms: Sequence[Term]) -> ResultLicence:
    """The licence of a result that comes under all of ``terms`` (at least one)."""
    from ategnatos.grimoire.schemas.manifest import ResultLicence

    worst = max(terms, key=lambda term: STRICTNESS.index(term.commercial))
    conditions = dict.fromkeys(text for term in terms for text in term.conditions)
    return ResultLicence(
        commercial=worst.commercial,
        licence=worst.licence,
        by=f"{worst.of} {worst.name}",
        conditions=list(conditions),
        terms=list(terms),
    )


def require(project: Project, terms: Sequence[Term]) -> tuple[str, ...]:
    """Refuse a release that the project's policy does not allow, for any of ``terms``.

    Returns what a person should know. Raises StudioError (``family_refused``,
    ``licence_unknown``).
    """
    from ategnatos.art.licences import policy_of
    from ategnatos.guard import policy

    decided = policy_of(project)
    if decided.commercial is None:
        return ()
    said = []
    # What forbids is said before what nobody knows.
    for term in sorted(terms, key=lambda one: STRICTNESS.index(one.commercial), reverse=True):
        found: Judgement = policy.judge(decided, f"{term.of} {term.name}", _as_licence(term))
        policy.require(found, release=True)
        if found.verdict == policy.CONDITIONS:
            said.append(f"{found.family} comes under {found.licence}: {'; '.join(found.clauses)}.")
    return tuple(said)


def _of_the_model(job: Job) -> Term:
    from ategnatos.grimoire.schemas.manifest import Term

    family = job.request.get("family")
    engine = _engines().get(job.engine)
    if engine is not None and engine["model"] is not None:
        name = str(job.request.get("model") or job.engine)
        return Term(of="model", name=name, source=engine["source"], **engine["model"])
    if family is None:
        return _unknown(
            "model", f"of engine {job.engine}", "no family file tells the licence of this model"
        )
    from ategnatos.knowledge import families

    variant = families.find(family)
    known = variant.licence
    return Term.model_validate(
        {
            "of": "model",
            "name": variant.key,
            "licence": known.name,
            "commercial": known.commercial,
            "conditions": list(known.conditions),
            "revenue_limit_usd": known.revenue_limit_usd,
            "territory": list(known.territory),
            "source": known.source,
            "read": known.read,
        }
    )


def _of_the_import(job: Job) -> Term:
    """What a person said of a picture that was made elsewhere."""
    held = job.request["imported"]
    said = "" if held["rights"] == "unknown" else str(held["rights"])
    return _named("model", f"of the imported {held['file']}", said, str(held["source"]))


def _of_the_pictures(project: Project, job: Job) -> list[Term]:
    """The terms of imported pictures that the job started from or was held to."""
    from ategnatos.grimoire.jobs import database, store

    used = [job.request.get(part) for part in ("init", "control")]
    hashes = [one for one in used if isinstance(one, str)]
    if not hashes:
        return []
    with database.connect(project) as db:
        jobs = [store.find_binding(db, "import", one[:16], "import") for one in hashes]
    return [_of_the_import(one) for one in jobs if one is not None]


def _named(of: str, name: str, said: str, source: str) -> Term:
    """A term by the name of its licence, as a model file or its page gives it."""
    from ategnatos.grimoire.schemas.manifest import Term

    if not said:
        return _unknown(of, name, "nobody has said its licence")
    entry = _licences().get(" ".join(said.lower().split()))
    if entry is None:
        return _unknown(of, name, f"its licence, {said}, is not among those that are known", said)
    facts = {key: entry[key] for key in ("licence", "commercial", "conditions")}
    return Term.model_validate({"of": of, "name": name, "source": source, **facts})


def _unknown(of: str, name: str, why: str, licence: str = "unknown") -> Term:
    from ategnatos.grimoire.schemas.manifest import Term

    return Term.model_validate(
        {"of": of, "name": name, "licence": licence, "commercial": "unknown", "conditions": [why]}
    )


def _as_licence(term: Term) -> Any:
    from ategnatos.knowledge.families import Licence

    return Licence(
        name=term.licence,
        commercial=term.commercial,
        conditions=tuple(term.conditions),
        revenue_limit_usd=term.revenue_limit_usd,
        territory=tuple(term.territory),
        source=term.source,
        read=term.read,
    )


def _inventory(project: Project) -> Mapping[str, Mapping[str, Any]]:
    """Model files of this machine by their hash."""
    from ategnatos.grimoire import documents

    files = documents.as_payload(documents.read(project, "models"))["files"]
    return {one["sha256"]: one for one in files if one.get("sha256")}


@cache
def _engines() -> Mapping[str, Any]:
    engines: dict[str, Any] = loader.read("terms").content["engines"]
    return engines


@cache
def _licences() -> Mapping[str, Any]:
    """The known licences by every name they go by."""
    found = {}
    for entry in loader.read("terms").content["licences"]:
        for name in entry["names"]:
            found[name] = entry
    return found
