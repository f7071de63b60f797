"""One rental's life in virtual time, with a provider that goes wrong and programs that die.

``live(provider, seed, folder)`` orders machines, dies where the seed says (at any look at the
clock, any pause, before or after any request), lets time pass with nobody there, then starts the
reaper, which dies too. It returns what the provider's own books say of it all.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import ledger, machines, rentals
from ategnatos.grimoire.spend.amounts import USD, decimal
from ategnatos.grimoire.spend.records import Entry
from ategnatos.guard.budget.config import Config
from ategnatos.providers import Provider
from ategnatos.providers.lambda_cloud import LambdaCloud
from ategnatos.providers.runpod import RunPod
from ategnatos.providers.values import SshPlace, Wanted
from ategnatos.providers.vastai import VastAi
from ategnatos.studio import reaper, ways
from ategnatos.studio.renting import create
from ategnatos.studio.renting.plan import Plan, new_run
from tests.providers.clouds.cloud import KEY, Cloud, Fault
from tests.providers.clouds.lambda_cloud import LambdaCloudServer
from tests.providers.clouds.runpod import RunPodCloud
from tests.providers.clouds.vastai import VastCloud
from tests.providers.clouds.wireless import Wireless

PROVIDERS: dict[str, tuple[type[Cloud], type[Any]]] = {
    "runpod": (RunPodCloud, RunPod),
    "vastai": (VastCloud, VastAi),
    "lambda_cloud": (LambdaCloudServer, LambdaCloud),
}
PERIOD = 30.0
CAP_USD = 1_000_000
_CREATE = (
    Fault.DROP_BEFORE,
    Fault.ERROR_BEFORE,
    Fault.DROP_AFTER,
    Fault.ERROR_AFTER,
    Fault.GARBAGE_AFTER,
    Fault.SLOW_AFTER,
    Fault.NO_CAPACITY,
    Fault.TOO_MANY,
)
_END = (Fault.REFUSE, Fault.FORGET, Fault.DROP_BEFORE, Fault.ERROR_BEFORE, Fault.DROP_AFTER)
_LOOK = (Fault.DROP_BEFORE, Fault.ERROR_BEFORE, Fault.GARBAGE_AFTER, Fault.TOO_MANY)


class DiedError(BaseException):
    """The process was killed here."""


@dataclass(slots=True)
class World:
    """Time, and when the process that lives in it dies."""

    random: random.Random
    now: float = 1_795_000_000.0
    left: int | None = None

    def step(self) -> None:
        """One place at which a process may die."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise DiedError

    def seconds(self) -> float:
        """The provider's clock: nobody dies of it."""
        return self.now

    def moment(self) -> datetime:
        """Our clock."""
        self.step()
        return datetime.fromtimestamp(self.now, UTC)

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.step()
        self.now += seconds
        self.step()


class Line(Wireless):
    """Requests, before and after each of which the process may die. ``faulty``: the last one."""

    def __init__(self, world: World, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._world = world

    def handle_request(self, request: Any) -> Any:
        """One request."""
        self._world.step()
        answer = super().handle_request(request)
        self._world.step()
        return answer


@dataclass(slots=True)
class Lived:
    """What came of one seed. Times are seconds, money is USD.

    ``late`` is by how many periods the slowest machine was asked to end too late: counted from
    the moment from which a reaper ran, the provider showed the machine and answered honestly, and
    the machine was nobody's or its time was over. ``unlisted`` is the most that the provider had
    billed beyond what our books counted. ``excused`` is what was billed while nothing of ours ran
    or the provider refused, hid or lingered.
    """

    seed: int
    died: int = 0
    creates: int = 0
    doubles: int = 0
    left: int = 0
    late: float = 0.0
    cost: Decimal = Decimal(0)
    cap: Decimal = Decimal(0)
    unit: Decimal = Decimal(0)
    excused: Decimal = Decimal(0)
    unlisted: Decimal = Decimal(0)
    hidden: Decimal = Decimal(0)
    rounds: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def strict(self) -> bool:
        """Whether the cap was kept to one billing unit with no excuse at all."""
        return self.cost <= self.cap + self.unit

    @property
    def sound(self) -> bool:
        """Whether everything was kept that can be promised."""
        return not (
            self.wrong
            or self.doubles
            or self.left
            or self.late > 2
            or self.unlisted > self.unit + self.hidden
            or self.cost > self.cap + self.unit + self.excused
        )


def live(name: str, seed: int, folder: Path) -> Lived:
    """One life. ``folder`` is empty and its own."""
    with patch.dict(os.environ, {"ATEGNATOS_MACHINES": str(folder / "machines")}):
        return _Life(name, seed, folder).run()


class _Life:
    def __init__(self, name: str, seed: int, folder: Path) -> None:
        self.name = name
        self.random = random.Random(f"{name} {seed}")
        self.world = World(self.random)
        cloud, adapter = PROVIDERS[name]
        self.cloud = cloud(self.world.seconds, check=False, seed=seed)
        self.cloud.boot = self.random.choice([0.0, 40.0, 200.0])
        self.cloud.linger = self.random.choice([0.0, 0.0, 25.0])
        self.cloud.lag = self.random.choice([0.0, 0.0, 60.0, 150.0])
        self.provider: Provider = adapter(
            "http://cloud.example",
            lambda: KEY,
            sleep=lambda seconds: None,
            pace=lambda method, path: None,
            transport=Line(self.world, self.cloud),
        )
        self.project = Project.create(folder / "studio")
        self.config = Config(max_total_cost=CAP_USD, max_daily_cost=CAP_USD)
        self.result = Lived(seed, cap=decimal(CAP_USD))
        self.handed: dict[str, float] = {}
        self.faulty_until = self.world.now
        self.started = 0.0

    def find(self, name: str) -> tuple[Provider | None, str]:
        return (self.provider, "") if name == self.name else (None, "no such provider")

    def run(self) -> Lived:
        offers = [one for one in self.provider.offers(Wanted(disk_gb=20)) if one.available]
        for _ in range(self.random.randint(1, 3)):
            self._order(self.random.choice(offers[:3]))
            self.world.now += self.random.choice([0.0, 10.0, 100.0])
            self._books()
        # Nobody is there: the laptop is closed.
        self.world.now += self.random.choice([0.0, 5.0, 400.0, 4000.0])
        self._reap()
        return self._judged()

    def _order(self, offer: Any) -> None:
        self._go_wrong("create", _CREATE, 0.6)
        self._go_wrong("list", _LOOK, 0.2)
        plan = Plan(offer, self.random.choice([4, 10, 20]), new_run(self.random.randbytes), 1, 20)
        price = decimal(plan.rate)
        with (
            self._priced(plan.label, price),
            self._mortal(0.6, 40),
            ways.being_made(self.project, plan.label),
        ):
            rented = create.rent(
                self.project,
                self.config,
                self.provider,
                plan,
                actor="user:simulation",
                clock=self.world.moment,
                sleep=self.world.sleep,
            )
            self.world.sleep(self.random.choice([5.0, 50.0]))
            if not rented.fault:
                ways.keep(rented.rental.name, plan.label, SshPlace("127.0.0.1", 22, "root"))
                due = datetime.fromisoformat(rented.rental.due_at).timestamp()
                self.handed[plan.label] = due

    @contextmanager
    def _priced(self, label: str, price: Decimal) -> Iterator[None]:
        yield
        self._at_its_price(label, price)

    def _at_its_price(self, label: str, price: Decimal) -> None:
        """The fakes answer with recorded prices; here what is billed is what was offered."""
        for one in self.cloud.rented.values():
            if one.label == label:
                one.rate = price

    def _reap(self) -> None:
        """Rounds until nothing is left, the first of which may be cut off at any point."""
        self.started = self.world.now
        deaths = self.random.randint(0, 3)
        self._go_wrong("terminate", _END, 0.5)
        self._go_wrong("list", _LOOK, 0.4)
        self._go_wrong("get", _LOOK, 0.2)
        for number in range(400):
            self.result.rounds = number + 1
            spoiled = self._spoiled()
            with self._mortal(1.0 if number < deaths else 0.0, 60):
                reaper.reap(
                    self.project,
                    [self.name],
                    self.find,
                    clock=self.world.moment,
                    period=PERIOD,
                    abandoned=lambda rental: ways.abandoned(self.project, rental),
                )
            if spoiled or number < deaths:
                self.faulty_until = self.world.now
            self._books()
            if number > 2 and self._settled():
                break
            self.world.now += PERIOD

    def _go_wrong(self, verb: str, faults: tuple[Fault, ...], chance: float) -> None:
        while self.random.random() < chance:
            self.cloud.inject(verb, self.random.choice(faults))

    def _spoiled(self) -> bool:
        return any(self.cloud._faults.get(verb) for verb in ("terminate", "list", "get"))

    @contextmanager
    def _mortal(self, chance: float, steps: int) -> Iterator[None]:
        if self.random.random() < chance:
            self.world.left = self.random.randint(0, steps)
        try:
            yield
        except DiedError:
            self.result.died += 1
        except StudioError as error:
            if error.code.code not in _EXPECTED:
                raise
        finally:
            self.world.left = None

    def _settled(self) -> bool:
        with database.connect(self.project) as db:
            open_ = machines.in_states(db, *machines.OPEN)
            return not (self.cloud.alive() or open_ or rentals.live(db))

    def _books(self) -> None:
        """What the provider has billed must stand in our books, unknown or not."""
        now = datetime.fromtimestamp(self.world.now, UTC)
        entry = Entry("look", "look", {USD: 0})
        with database.connect(self.project) as db:
            counted = ledger.standings(db, entry, now=now).units[USD].total
            counted += sum(one.over for one in rentals.beyond_reservation(db, now=now))
        missing = self.cloud.cost() - decimal(counted)
        self.result.unlisted = max(self.result.unlisted, missing)

    def _judged(self) -> Lived:
        result, terms = self.result, self.provider.terms()
        result.creates = self.cloud.creates()
        result.left = len(self.cloud.alive())
        result.cost = self.cloud.cost()
        labels = [one.label for one in self.cloud.rented.values()]
        sent = len(set(labels))
        result.doubles = len(labels) - sent
        for one in self.cloud.rented.values():
            result.unit += one.rate * Decimal(max(terms.unit_seconds, 1)) / 3600
            wanted = max(
                self.started, one.made + self.cloud.lag, self.faulty_until, self._due(one.label)
            )
            ended = self.world.now if one.ended is None else one.ended
            result.late = max(result.late, (ended - wanted) / PERIOD)
            result.hidden += one.rate * Decimal(str(one.linger)) / 3600
            # Past its time it may bill while nobody runs, nobody is obeyed, or it lingers.
            end = self._end_of(one.label)
            shown = max(one.made + self.cloud.lag, self.faulty_until) + 2 * PERIOD
            excuse = max(0.0, max(self.started, shown) - end) + one.linger
            result.excused += one.rate * Decimal(str(excuse)) / 3600
        result.cap = self._reserved()
        if result.cap > decimal(CAP_USD):
            result.wrong.append("more was reserved than the cap allows")
        return result

    def _end_of(self, label: str) -> float:
        """When its reserved time is over."""
        with database.connect(self.project) as db:
            order = machines.get(db, label)
        sent = datetime.fromisoformat(order.sent_at or order.intent_at).timestamp()
        return sent + order.minutes * 60

    def _due(self, label: str) -> float:
        return self.handed.get(label, 0.0)

    def _reserved(self) -> Decimal:
        with database.connect(self.project) as db:
            row = db.execute("SELECT COALESCE(SUM(reserved), 0) AS r FROM spend").fetchone()
        return decimal(int(row["r"]))


_EXPECTED = {"machine_refused", "machine_unseen", "machine_overtaken", "budget_refused"}
