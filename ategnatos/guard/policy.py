"""Whether a model may be used for what a project is for. Pure: facts in, a judgement out.

A licence is read as its family file tells it, with the date it was read; this is a fence against
plain mistakes and no legal advice. What is not known is never taken for allowed: it does not
stop an experiment, and it does stop a release.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge import loader

if TYPE_CHECKING:
    from ategnatos.knowledge.families import Licence

FAMILY_REFUSED = ErrorCode("family_refused", "The project's policy rules this model family out.")
LICENCE_UNKNOWN = ErrorCode("licence_unknown", "A licence is not known well enough to release.")
POLICY_TERM = ErrorCode("policy_term", "A word of the policy was not understood.")

ALLOWED, CONDITIONS, UNKNOWN, REFUSED = "allowed", "conditions", "unknown", "refused"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the pictures are for. ``commercial`` None: nobody has decided, nothing is ruled out."""

    commercial: bool | None = None
    revenue_band: str = ""
    territory: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a policy says of one family. ``clauses`` are the reasons, worst first.

    ``verdict`` is allowed, conditions (allowed, and these are to be kept), unknown (experiments
    only) or refused.
    """

    verdict: str
    family: str
    licence: str
    clauses: tuple[str, ...]
    source: str = ""
    read: str = ""

    @property
    def may_experiment(self) -> bool:
        """Whether pictures may be made at all."""
        return self.verdict != REFUSED

    @property
    def may_release(self) -> bool:
        """Whether pictures may leave the studio."""
        return self.verdict in (ALLOWED, CONDITIONS)


def judge(policy: Policy, family: str, licence: Licence | None) -> Judgement:
    """What ``policy`` says of ``family``; ``licence`` None where no family file tells it."""
    if licence is None:
        if not policy.commercial:
            return Judgement(ALLOWED, family, "unknown", ())
        why = "no family file tells the licence of this model"
        return Judgement(UNKNOWN, family, "unknown", (why,))
    refused: list[str] = []
    unknown: list[str] = []
    if policy.commercial:
        _commercial(licence, refused, unknown)
        _revenue(policy, licence, refused, unknown)
        _territory(policy, licence, refused, unknown)
    clauses = tuple(dict.fromkeys((*refused, *unknown, *licence.conditions)))
    verdict = ALLOWED
    if refused:
        verdict = REFUSED
    elif unknown:
        verdict = UNKNOWN
    elif licence.conditions:
        verdict = CONDITIONS
    return Judgement(verdict, family, licence.name, clauses, licence.source, licence.read)


def require(judgement: Judgement, *, release: bool) -> None:
    """Refuse what the judgement does not allow.

    Raises StudioError (``family_refused``, ``licence_unknown``).
    """
    facts = {"family": judgement.family, "licence": judgement.licence}
    told = "; ".join(judgement.clauses)
    read = f" (read {judgement.read}: {judgement.source})" if judgement.source else ""
    if judgement.verdict == REFUSED:
        done = "nothing was exported" if release else "nothing was made"
        raise StudioError(
            FAMILY_REFUSED,
            f"The policy of this project rules out {judgement.family}: its licence, "
            f"{judgement.licence}, says: {told}{read}; {done}.",
            hint="See which families the policy allows: ategnatos studio policy show. A policy "
            "that is wrong is changed with 'ategnatos studio policy set'.",
            **facts,
            clauses=list(judgement.clauses),
        )
    if release and not judgement.may_release:
        raise StudioError(
            LICENCE_UNKNOWN,
            f"Whether pictures of {judgement.family} may be released is not known: {told}{read}. "
            "Nothing was exported; experiments go on.",
            hint="Read the licence and put it into the family's file, say what the policy leaves "
            "open ('ategnatos studio policy set'), or make the picture with another family.",
            **facts,
            clauses=list(judgement.clauses),
        )


def _commercial(licence: Licence, refused: list[str], unknown: list[str]) -> None:
    if licence.commercial == "no":
        refused.append("no commercial use")
    elif licence.commercial == "unknown":
        unknown.append("whether commercial use is allowed is not known")


def _revenue(policy: Policy, licence: Licence, refused: list[str], unknown: list[str]) -> None:
    limit = licence.revenue_limit_usd
    if limit is None:
        return
    clause = f"free use ends at a revenue of {limit:,} USD a year"
    if not policy.revenue_band:
        unknown.append(f"{clause}, and the policy does not say the revenue")
        return
    band = _terms()["revenue_bands"][policy.revenue_band]
    if band["from"] >= limit:
        refused.append(clause)
    elif band["to"] is None or band["to"] > limit:
        unknown.append(f"{clause}, which lies inside the band {policy.revenue_band}")


def _territory(policy: Policy, licence: Licence, refused: list[str], unknown: list[str]) -> None:
    if not licence.territory:
        return
    clause = f"use in {', '.join(licence.territory)} needs an agreement"
    if not policy.territory:
        unknown.append(f"{clause}, and the policy does not say the territory")
    elif set(policy.territory) & set(licence.territory):
        refused.append(clause)


def bands() -> tuple[str, ...]:
    """Every revenue band by its name, as licences cut them."""
    return tuple(_terms()["revenue_bands"])


def parse_band(text: str) -> str:
    """A revenue band by its name. Raises StudioError (``policy_term``)."""
    bands = _terms()["revenue_bands"]
    if text.strip().lower() not in bands:
        raise StudioError(
            POLICY_TERM,
            f"{text!r} is no revenue band; nothing was changed.",
            hint=f"The bands, in US dollars a year: {', '.join(bands)}.",
            given=text,
            known=list(bands),
        )
    return text.strip().lower()


def parse_territory(text: str) -> str:
    """A territory as licences name it, or a two-letter country that none names.

    Raises StudioError (``policy_term``).
    """
    said = text.strip().lower()
    for name, others in _terms()["territories"].items():
        if said == name.lower() or said in others:
            return str(name)
    if len(said) == 2 and said.isascii() and said.isalpha():
        return said.upper()
    raise StudioError(
        POLICY_TERM,
        f"{text!r} is no territory; nothing was changed.",
        hint="Write a country's two letters, or one of "
        f"{', '.join(_terms()['territories'])} as licences name them.",
        given=text,
    )


@cache
def _terms() -> dict[str, Any]:
    return loader.read("policy_terms").content
