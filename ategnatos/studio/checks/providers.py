"""Checks of the accounts machines are rented from: the last net is the provider's own limit."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import rentals
from ategnatos.grimoire.spend.amounts import decimal
from ategnatos.guard import secrets
from ategnatos.providers import installed_providers, load_provider
from ategnatos.studio.checks.finding import Finding, failed, note, well

# Below so many hours of what runs now, an account may go empty in the middle of a run.
HOURS = 2


def accounts(project: Project) -> Iterator[Finding]:
    """Of every account whose key is here: does the key work, how long does its money last?"""
    rates: dict[str, Decimal] = {}
    if database.exists(project):
        with database.connect(project) as db:
            for one in rentals.live(db):
                rates[one.provider] = rates.get(one.provider, Decimal(0)) + decimal(one.rate)
    for name in installed_providers():
        provider = load_provider(name)
        terms = provider.terms()
        key = getattr(provider, "secret", "")
        if not terms.bills or (key and name not in rates and secrets.find(key) is None):
            continue
        check = f"account {name}"
        try:
            account = provider.account()
        except StudioError as error:
            means = "Nothing can be rented there"
            if name in rates:
                means += ", and what is rented there cannot be ended from here"
            yield failed(check, error.message, f"{means}.", error.hint)
            continue
        left = account.balance
        rate = rates.get(name, Decimal(0))
        if left is not None and rate and left < HOURS * rate:
            yield note(
                check,
                f"{left} USD are left: less than {HOURS} hours of what runs there now.",
                "When it is used up the provider stops or deletes the machines, with what is on"
                " them.",
                "Bring the results here: ategnatos studio provider pull. Or load the account.",
            )
        else:
            said = f"{left} USD are left" if left is not None else account.said
            yield well(check, f"{said}. Its own limit: {terms.cap_hint}")
    yield from _reaper(project, bool(rates))


def _reaper(project: Project, rented: bool) -> Iterator[Finding]:
    from datetime import UTC, datetime

    if not rented:
        return
    with database.connect(project) as db:
        last = rentals.last_sweep(db)
    age = None if last is None else datetime.now(UTC) - datetime.fromisoformat(last)
    if age is None or age.total_seconds() > 300:
        looked = "never looked" if last is None else f"looked last at {last}"
        yield failed(
            "reaper",
            f"Machines are rented, and the reaper {looked}.",
            "Nothing here ends them when their time is over.",
            "ategnatos studio reaper, or for good: ategnatos studio reaper --install systemd",
        )
    else:
        yield well("reaper", f"looked last at {last}")
