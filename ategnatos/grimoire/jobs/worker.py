"""Carries jobs on: claims one, runs the step of its state, moves it, and looks for the next.

A worker keeps nothing that another could not find in the database. What it leaves when it dies
is a lease that runs out.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import claims, database, leases, moves
from ategnatos.grimoire.jobs.effects import EFFECT_UNKNOWN, LaterError, RefusedError
from ategnatos.grimoire.jobs.leases import Policy
from ategnatos.grimoire.jobs.owners import owner_name
from ategnatos.grimoire.jobs.run import Done, FaultError, Pulse, Run, StoppedError

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.claims import Claim, Sagas
    from ategnatos.grimoire.jobs.database import Clock, Database
    from ategnatos.grimoire.jobs.records import Job
    from ategnatos.grimoire.jobs.sending import Point
    from ategnatos.grimoire.project import Project

# What a step function is: it works on the run's job and returns what it leaves.
Step = Callable[[Run], Done | None]

# A job that may go on later than this, in seconds, is not waited for by a worker that ends
# when there is nothing to do.
_HORIZON = 120.0

_INTERRUPTED = {"code": "interrupted", "message": "Stopped by Ctrl-C.", "hint": ""}


class Worker:
    """One thread of work. ``steps`` maps the names that the sagas use to functions.

    ``failed`` hears of each job that ends as failed; ``redact`` is applied to every text that is
    recorded; ``at`` hears where the work stands. ``interrupt_fails`` makes Ctrl-C the end of the
    job and not only of this worker: for somebody who waits for that one job.
    """

    def __init__(
        self,
        project: Project,
        sagas: Sagas,
        steps: Mapping[str, Step],
        *,
        owner: str | None = None,
        policy: Policy | None = None,
        clock: Clock = time.time,
        failed: Callable[[Job, dict[str, Any]], None] = lambda job, error: None,
        redact: Callable[[str], str] = lambda text: text,
        say: Callable[[str], None] = lambda text: None,
        interrupt_fails: bool = False,
        at: Point = lambda point, job: None,
        ending: threading.Event | None = None,
    ) -> None:
        missing = {name for saga in sagas.values() for name in saga.steps()} - set(steps)
        if missing:
            raise ValueError(f"no step function for {sorted(missing)}")
        self._project = project
        self._sagas = sagas
        self._steps = steps
        self._owner = owner or owner_name()
        self._policy = policy or Policy()
        self._clock = clock
        self._failed = failed
        self._redact = redact
        self._say = say
        self._at = at
        self._interrupt_fails = interrupt_fails
        self.ending = ending or threading.Event()

    def work(self, *, until_idle: bool = False) -> int:
        """Carry jobs on until :attr:`ending` is set, or until nothing is left to do.

        A database that is away for a while is waited for. Returns how many steps were carried
        out. Raises StudioError for a database that cannot be used.
        """
        done, patience = 0, 0.1
        while not self.ending.is_set():
            try:
                with database.connect(self._project, clock=self._clock) as db:
                    while not self.ending.is_set():
                        claim = claims.claim(db, self._sagas, self._owner, self._policy)
                        patience = 0.1
                        if claim is not None:
                            self._at("claimed", claim.job.id)
                            self.carry_on(db, claim)
                            done += 1
                        elif until_idle and claims.left(db, self._sagas, _HORIZON) == 0:
                            return done
                        else:
                            self.ending.wait(self._policy.poll)
            except StudioError as error:
                if error.code not in database.PASSING:
                    raise
                self._say(f"{error.message} Trying again.")
                self.ending.wait(patience)
                patience = min(5.0, patience * 2)
        return done

    def claim(self, db: Database, only: int) -> Claim | None:
        """Take one job, if it may be carried on now."""
        return claims.claim(db, self._sagas, self._owner, self._policy, only=only)

    def carry_on(self, db: Database, claim: Claim) -> BaseException | None:
        """Run the step of a claimed job and move it; return what stopped it, if anything did.

        Raises what the database raises, with the lease left to run out, and passes on Ctrl-C
        with the job given back.
        """
        job, hold = claim.job, claim.hold
        rules = self._sagas[job.saga]
        self._say(f"{job.name}: {rules.states[job.state].says}")
        try:
            with Pulse(self._project, claim, self._policy, self._clock, self.ending) as pulse:
                run = Run(self._project, db, claim, self._policy, pulse, self._at)
                run.check()
                step = self._steps[rules.states[job.state].runs or ""]
                done = step(run) or Done()
            self._at("before the move", job.id)
            after = done.to or rules.onward(job.state, job.kind) or job.state
            moves.finish(db, hold, rules, job, after, data=done.data, also=done.also)
            self._at("moved", job.id)
            self._say(f"{job.name}: {rules.states[after].says}")
            if done.after is not None:
                done.after()
        except StoppedError as error:
            if not error.by:
                leases.release(db, [hold])
                return error
            self._end(db, claim, moves.cancelled(error.by), error)
            return error
        except LaterError as error:
            moves.postpone(db, hold, job, error.seconds, self._redact(error.why))
            return error
        except StudioError as error:
            if error.code is leases.LEASE_LOST:
                self._say(f"{job.name}: {error.message}")
                return error
            if error.code in database.PASSING:
                raise
            self._end(db, claim, self._facts(error), error)
            return error
        except RefusedError as error:
            facts = self._facts(error.error)
            self._end(db, claim, facts, error, again=error.again, engine_fault=error.again)
            return error.error
        except FaultError as error:
            self._end(db, claim, self._facts(error.error), error, again=True, engine_fault=True)
            return error.error
        except (KeyboardInterrupt, SystemExit) as error:
            if self._interrupt_fails:
                self._end(db, claim, _INTERRUPTED, error)
            else:
                leases.release(db, [hold])
            raise
        except Exception as error:
            if isinstance(error, db.errors):
                raise
            self._end(db, claim, self._facts(error), error, again=True, engine_fault=True)
            return error
        return None

    def _end(
        self,
        db: Database,
        claim: Claim,
        facts: dict[str, Any],
        error: BaseException,
        *,
        again: bool = False,
        engine_fault: bool = False,
    ) -> None:
        rules = self._sagas[claim.job.saga]
        try:
            final = moves.give_up(
                db,
                claim.hold,
                rules,
                claim.job,
                facts,
                self._policy,
                again=again,
                engine_fault=engine_fault,
            )
        except StudioError as lost:
            if lost.code is not leases.LEASE_LOST:
                raise
            self._say(f"{claim.job.name}: {lost.message}")
            return
        self._at("gave up", claim.job.id)
        self._say(
            f"{claim.job.name}: {'failed' if final else 'will be tried again'}: {facts['message']}"
        )
        if final:
            self._failed(claim.job, facts)

    def _facts(self, error: BaseException) -> dict[str, Any]:
        if isinstance(error, StudioError):
            facts = {"code": error.code.code, "message": error.message, "hint": error.hint}
            if error.code is EFFECT_UNKNOWN:
                facts |= error.details
        else:
            facts = {
                "code": "unexpected",
                "message": f"{type(error).__name__}: {error}",
                "hint": "",
            }
        return {key: self._redact(str(value)) for key, value in facts.items()}
