"""May these pictures be trained on, and what follows for the LoRA made of them.

Every picture says whose it is (``Picture.rights``). A source whose terms forbid training is refused
by name, whatever anybody says; an unknown one stops a commercial project until a person says why
it may be used (``--because``, journaled and kept with the dataset). What holds for the pictures
holds for the LoRA: :func:`inherited` is what its record carries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge import loader

if TYPE_CHECKING:
    from ategnatos.guard.policy import Policy
    from ategnatos.train.dataset.version import Picture, Rights, Version

RIGHTS_TERM = ErrorCode("rights_term", "What was said of a picture's rights was not understood.")
TRAINING_REFUSED = ErrorCode("training_refused", "Terms forbid to train on some of the pictures.")
RIGHTS_UNKNOWN = ErrorCode("rights_unknown", "Whether pictures may be used is not known.")

OVERRIDE = "rights_because"
ALLOWED, CONDITIONS, UNKNOWN, REFUSED = "allowed", "conditions", "unknown", "refused"
_ORDER = (REFUSED, UNKNOWN, CONDITIONS, ALLOWED)
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Judged:
    """What may be done with one picture; ``why`` is a sentence, ``service`` who forbids it."""

    verdict: str
    why: str
    service: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """All of a dataset: the worst verdict, the pictures of each, and the reasons.

    ``overridden`` is why a person let unknown ones pass; then ``verdict`` is not unknown.
    """

    verdict: str
    pictures: Mapping[str, tuple[str, ...]]
    reasons: tuple[tuple[str, str, int], ...]
    overridden: str = ""

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "verdict": self.verdict,
            "pictures": {kind: list(names) for kind, names in self.pictures.items()},
            "reasons": [
                {"verdict": verdict, "why": why, "pictures": count}
                for verdict, why, count in self.reasons
            ],
            "overridden": self.overridden,
        }


def kinds() -> Mapping[str, Any]:
    """What may be said of a picture, by name."""
    table: Mapping[str, Any] = _table()["kinds"]
    return table


def parse_kind(text: str) -> str:
    """A kind of rights by its name. Raises StudioError (``rights_term``)."""
    said = text.strip().lower().replace(" ", "-").replace("_", "-")
    if said in kinds():
        return said
    raise StudioError(
        RIGHTS_TERM,
        f"{text[:60]!r} says nothing about whose a picture is; nothing was changed.",
        hint=f"It is one of: {', '.join(kinds())}.",
        given=text[:60],
        known=list(kinds()),
    )


def check_said(said: Rights) -> None:
    """Refuse rights that leave out what their kind needs. Raises StudioError (``rights_term``)."""
    missing = [name for name in kinds()[said.kind]["needs"] if not getattr(said, name).strip()]
    if missing:
        raise StudioError(
            RIGHTS_TERM,
            f"Pictures {kinds()[said.kind]['title']} need {' and '.join(missing)} said;"
            " nothing was changed.",
            hint=" ".join(f"--{name} '...'" for name in missing),
            kind=said.kind,
            missing=missing,
        )


def forbidding(said: Rights) -> str:
    """The service that forbids training on what it makes, if the rights or terms name one."""
    for name, entry in _table()["services"].items():
        if entry["training"] == "no" and _named(said, entry["names"]):
            return str(name)
    return ""


def judge_one(picture: Picture, policy: Policy) -> Judged:
    """What may be done with one picture under a project's policy."""
    said = picture.rights
    service = forbidding(said) or _of_the_studio(picture)
    if service:
        entry = _table()["services"][service]
        return Judged(REFUSED, f"{service}: {entry['note']}", service, entry["source"])
    kind = kinds().get(said.kind, kinds()["unknown"])
    known = _licence(said) or _service(said)
    terms = known or kind
    training, commercial, name = terms["training"], terms["commercial"], _told(said)
    if training == "no":
        return Judged(REFUSED, f"{name}: {terms.get('note', 'no training')}", "", terms["source"])
    if policy.commercial and commercial == "no":
        return Judged(REFUSED, f"{name}: no commercial use, and this project sells")
    if training == "unknown" or (training == "ask" and not (said.terms or known)):
        why = f"{name}: nobody wrote down what is allowed"
        return Judged(UNKNOWN if policy.commercial else CONDITIONS, why)
    if training == "ask":
        return Judged(CONDITIONS, f"{name}: {said.terms or said.link}")
    if known and known.get("note"):
        return Judged(CONDITIONS, f"{name}: {known['note']}", "", known["source"])
    return Judged(ALLOWED, name)


def judge(version: Version, policy: Policy) -> Judgement:
    """What may be done with a dataset; what a person overrode is taken into account."""
    because = str(version.settings.get(OVERRIDE) or "")
    by: dict[str, list[str]] = {}
    reasons: dict[tuple[str, str], int] = {}
    for picture in version.pictures:
        found = judge_one(picture, policy)
        verdict = CONDITIONS if found.verdict == UNKNOWN and because else found.verdict
        by.setdefault(verdict, []).append(picture.name)
        reasons[(verdict, found.why)] = reasons.get((verdict, found.why), 0) + 1
    worst = next((verdict for verdict in _ORDER if verdict in by), ALLOWED)
    ordered = sorted(reasons.items(), key=lambda one: (_ORDER.index(one[0][0]), one[0][1]))
    return Judgement(
        worst,
        {verdict: tuple(names) for verdict, names in by.items()},
        tuple((verdict, why, count) for (verdict, why), count in ordered),
        because,
    )


def require(version: Version, policy: Policy) -> Judgement:
    """The judgement, where training may go on.

    Raises StudioError (``training_refused``, ``rights_unknown``).
    """
    found = judge(version, policy)
    name = version.dataset
    if found.verdict == REFUSED:
        names = found.pictures[REFUSED]
        why = "; ".join(reason for verdict, reason, _ in found.reasons if verdict == REFUSED)
        raise StudioError(
            TRAINING_REFUSED,
            f"{len(names)} pictures of {name!r} may not be trained on ({why}); nothing was done.",
            hint=f"'ategnatos train dataset rights {name}' says which: take those pictures out."
            " Terms like these are no matter of a reason given.",
            pictures=list(names),
        )
    if found.verdict == UNKNOWN:
        names = found.pictures[UNKNOWN]
        raise StudioError(
            RIGHTS_UNKNOWN,
            f"Of {len(names)} pictures of {name!r} nobody knows whether they may be used, and this"
            f" project sells what it makes ({', '.join(names[:_SHOWN])}"
            f"{' ...' if len(names) > _SHOWN else ''}); nothing was done.",
            hint=f"Say whose they are: ategnatos train dataset rights {name} --kind own. Or say why"
            f" they may be used all the same: ategnatos train dataset rights {name}"
            " --because '...'.",
            pictures=list(names),
        )
    return found


def inherited(version: Version, policy: Policy) -> dict[str, Any]:
    """What the record of a LoRA trained on ``version`` says of rights: JSON values.

    ``kinds`` counts the pictures by kind, ``credits`` are the people and terms to be named, and
    ``commercial`` is no where a single picture forbids it, unknown where one is unknown.
    ``licence`` is the name of the strictest, which the inventory of models keeps of a LoRA
    (fact ``dataset_licence``), so that every picture made with it comes under it.
    """
    credits = sorted(
        {
            (one.rights.kind, one.rights.by, one.rights.terms, one.rights.link)
            for one in version.pictures
            if one.rights.kind not in ("own", "unknown")
        }
    )
    counted: dict[str, int] = {}
    commercial = "yes"
    for one in version.pictures:
        counted[one.rights.kind] = counted.get(one.rights.kind, 0) + 1
        known = _licence(one.rights) or _service(one.rights)
        allowed = (known or kinds().get(one.rights.kind, kinds()["unknown"]))["commercial"]
        if allowed == "no":
            commercial = "no"
        elif allowed in ("ask", "unknown") and commercial != "no":
            asked = allowed == "ask" and one.rights.terms and commercial != "unknown"
            commercial = "see terms" if asked else "unknown"
    return {
        "dataset": version.dataset,
        "version": version.number,
        "digest": version.digest(),
        "kinds": counted,
        "commercial": commercial,
        "licence": max(map(_strictness, version.pictures), default=(0, ""))[1],
        "credits": [dict(zip(("kind", "by", "terms", "link"), c, strict=True)) for c in credits],
        "judgement": judge(version, policy).facts(),
    }


def _strictness(picture: Picture) -> tuple[int, str]:
    """How strict a picture's terms are, and the licence by the name that others know."""
    said = picture.rights
    known = _licence(said) or _service(said)
    terms = known or kinds().get(said.kind, kinds()["unknown"])
    if terms["commercial"] == "no" or terms["training"] == "no":
        return 4, said.terms or said.by
    if terms["commercial"] == "unknown" or (terms["commercial"] == "ask" and not said.terms):
        return 3, "unknown"
    if terms["commercial"] == "ask":
        return 2, said.terms
    if known and said.terms:
        return (1 if known.get("note") else 0), said.terms
    return 0, "public domain" if said.kind == "public-domain" else "own work"


def _licence(said: Rights) -> Mapping[str, Any] | None:
    plain = said.terms.strip().lower().replace(" ", "-").replace("_", "-")
    for name in sorted(_table()["licences"], key=len, reverse=True):
        if plain == name or plain.startswith(f"{name}-"):
            found: Mapping[str, Any] = _table()["licences"][name]
            return found
    return None


def _service(said: Rights) -> Mapping[str, Any] | None:
    for entry in _table()["services"].values():
        if _named(said, entry["names"]):
            found: Mapping[str, Any] = entry
            return found
    return None


def _named(said: Rights, names: Sequence[str]) -> bool:
    """Whether the maker or a link names a service; terms may mention one without being of it."""
    by = " ".join(said.by.lower().split())
    link = said.link.lower()
    return any(
        by == name or by.startswith(f"{name} ") or ("." in name and name in link) for name in names
    ) or any(f"{name}." in link for name in names if " " not in name)


def _of_the_studio(picture: Picture) -> str:
    """The forbidding service of a picture that came from this studio's own candidates."""
    made_by = str(picture.notes.get("engine") or "").lower()
    for name, entry in _table()["services"].items():
        if entry["training"] == "no" and made_by in entry["names"]:
            return str(name)
    return ""


def _told(said: Rights) -> str:
    facts = asdict(said)
    title = kinds().get(said.kind, kinds()["unknown"])["title"]
    more = ", ".join(facts[key] for key in ("by", "terms") if facts[key])
    return f"{title} ({more})" if more else str(title)


@cache
def _table() -> Mapping[str, Any]:
    return loader.read("training_rights").content
