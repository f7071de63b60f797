"""The project's policy over the model of a request, and over what is about to leave the studio."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.policy import Judgement, Policy

_OWN_ENGINE = "starter"


def policy_of(project: Project) -> Policy:
    """The policy of a project; nothing decided where none was ever set."""
    from ategnatos.guard.policy import Policy

    # Every picture asks; few studios have one, and those without load no schema.
    if not (project.state / "policy.json").exists():
        return Policy()
    from ategnatos.grimoire import documents
    from ategnatos.grimoire.schemas.policy import PolicyDocument

    found = documents.read(project, PolicyDocument)
    return Policy(found.commercial, found.revenue_band, tuple(found.territory))


def judged(project: Project, engine: str, family: str | None) -> Judgement | None:
    """What the policy says of a request's model; None where there is nothing to say.

    The starter model is the program's own and free for any use. A model that no family file
    names is unknown. Raises StudioError (``family_unknown``).
    """
    from ategnatos.guard import policy

    decided = policy_of(project)
    if decided.commercial is None or engine == _OWN_ENGINE:
        return None
    if family is None:
        return policy.judge(decided, f"the model of engine {engine}", None)
    from ategnatos.knowledge import families

    variant = families.find(family)
    return policy.judge(decided, variant.key, variant.licence)


def check(project: Project, engine: str, family: str | None, *, release: bool) -> tuple[str, ...]:
    """Refuse what the policy rules out; otherwise what a person should know.

    Raises StudioError (``family_refused``, and for a release ``licence_unknown``).
    """
    from ategnatos.guard import policy

    found = judged(project, engine, family)
    if found is None:
        return ()
    policy.require(found, release=release)
    told = "; ".join(found.clauses)
    if found.verdict == policy.UNKNOWN:
        return (
            f"{found.family} may be tried, and its pictures not released: {told}. A release "
            "would be refused.",
        )
    if found.verdict == policy.CONDITIONS:
        return (f"{found.family} comes under {found.licence}: {told}.",)
    return ()
