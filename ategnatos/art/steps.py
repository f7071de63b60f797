"""The step functions of the saga ``picture``: what a worker does for a job of simple generation.

The pictures are on disk before the row moves. A step that finds them all there, from a try that
died in between, records them and does not call the engine again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ategnatos.art import billing, pages
from ategnatos.engines import ENGINE_UNAVAILABLE
from ategnatos.grimoire import content, journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_bytes
from ategnatos.grimoire.jobs import saga, store
from ategnatos.grimoire.jobs.effects import Outcome
from ategnatos.grimoire.jobs.run import Done, FaultError, Run

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.art.order import Order
    from ategnatos.engines import Engine, Image, Progress, ProgressCallback, Request, Result
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.jobs.worker import Step
    from ategnatos.grimoire.project import Project

ENGINE_BROKE = ErrorCode("engine_broke", "The engine delivered something other than it was asked.")

Clock = Callable[[], "datetime"]

# What another try may mend.
_PASSING = frozenset({ENGINE_UNAVAILABLE, ENGINE_BROKE})

SAGAS: Mapping[str, saga.Saga] = {name: saga.load(name) for name in ("picture", "art")}


@dataclass(frozen=True, slots=True)
class Stage:
    """One call of an engine for a job. ``request`` gives what is asked, once the engine is known;
    its pictures are the candidates from ``first`` on, ``count`` of them.

    ``name`` is what a bill knows it by. ``marks`` are added to the settings of each picture,
    ``data`` to what later steps find.
    """

    name: str
    engine: str
    request: Callable[[Engine], Request]
    count: int = 1
    first: int = 1
    marks: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)


class Steps:
    """Carries jobs of simple generation out.

    ``engine_of`` gives the engine of a job. ``request`` is the job's request where it is at hand
    already; otherwise it is read back from the record.
    """

    def __init__(
        self,
        project: Project,
        *,
        engine_of: Callable[[str], Engine],
        now: Clock,
        actor: str,
        request: Request | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> None:
        self._project = project
        self._engine_of = engine_of
        self._now = now
        self._actor = actor
        self._request = request
        self._on_progress = on_progress

    def table(self) -> dict[str, Step]:
        """The step functions by the names that the sagas use."""
        from ategnatos.art.recipes import gate

        return {"generate": self.generate, **gate.table(self._project, self.carry)}

    def generate(self, run: Run) -> Done:
        """Make the pictures of a job, or find them made."""
        from ategnatos.art.vary import request_of

        request = self._request or request_of(self._project, run.job)
        stage = Stage("generate", run.job.engine, lambda engine: request, request.count)
        return self.carry(run, stage)

    def carry(self, run: Run, stage: Stage) -> Done:
        """Make the pictures of one stage of a job, or find them made."""
        job = run.job
        kept = pictures_on_disk(self._project, job, stage.count, stage.first)
        warnings: tuple[str, ...] = ()
        if kept is None:
            engine = self._engine_of(stage.engine)
            request = stage.request(engine)
            bought = billing.purchase(
                self._project,
                run.db,
                engine,
                order_of(job, request),
                job,
                now=self._now,
                actor=self._actor,
            )
            if bought is not None:
                warnings = self._billed(run, engine, request, bought, stage)
                kept = pictures_on_disk(self._project, job, stage.count, stage.first)
                if kept is None:
                    raise _lost_again(job)
            else:
                kept, warnings = self._made(run, engine, request, stage)
        run.point("pictures kept")
        said = list(dict.fromkeys((*job.warnings, *warnings)))
        return Done(
            data=stage.data,
            also=partial(_record, job_id=job.id, kept=kept, warnings=said),
            after=partial(self._delivered, run, kept, said),
        )

    def failed(self, job: store.Job, error: dict[str, Any]) -> None:
        """Write into the journal that a job ended as failed."""
        journal.append(
            self._project,
            "art.failed",
            actor=self._actor,
            references={"job": job.name},
            data=error,
            now=self._now(),
        )

    def _made(
        self, run: Run, engine: Engine, request: Request, stage: Stage
    ) -> tuple[list[store.Candidate], tuple[str, ...]]:
        result = self._called(run, engine, request)
        return self._kept(run, result, stage), result.warnings

    def _kept(self, run: Run, result: Result, stage: Stage) -> list[store.Candidate]:
        return [
            keep(
                self._project,
                run.job,
                number,
                replace(image, settings={**image.settings, **stage.marks}),
            )
            for number, image in enumerate(result.images, start=stage.first)
        ]

    def _called(self, run: Run, engine: Engine, request: Request) -> Result:
        try:
            return made_by(engine, request, self._report(run))
        except StudioError as error:
            if error.code in _PASSING:
                raise FaultError(error) from error
            raise

    def _report(self, run: Run) -> ProgressCallback:
        def report(step: Progress) -> None:
            run.progress(step.done, step.total, step.message)
            if self._on_progress is not None:
                self._on_progress(step)

        return report

    def _billed(
        self,
        run: Run,
        engine: Engine,
        request: Request,
        bought: billing.Purchase,
        stage: Stage,
    ) -> tuple[str, ...]:
        """Call an engine that bills: reserved before, settled after, never sent twice unseen."""
        broken: list[StudioError] = []

        def send(key: str, last_look: Callable[[], None]) -> Outcome:
            last_look()
            try:
                result = engine.generate(request, self._report(run))
            except StudioError as error:
                raise billing.as_refused(error, again=error.code in _PASSING) from error
            warnings = {"warnings": list(result.warnings)}
            try:
                self._kept(run, whole(engine, request, result), stage)
            except StudioError as error:
                # Billed all the same.
                broken.append(error)
            return Outcome(cost=result.charged, result=warnings, final=not broken)

        def present() -> Outcome | None:
            found = pictures_on_disk(self._project, run.job, stage.count, stage.first)
            return None if found is None else Outcome()

        try:
            said = run.effect(bought.effect(stage.name, send, present)).get("warnings", ())
        except StudioError as error:
            if self._request is None:
                raise billing.as_later(error, self._now()) from error
            raise
        if broken:
            raise broken[0]
        return (*said, *bought.more)

    def _delivered(self, run: Run, kept: list[store.Candidate], warnings: list[str]) -> None:
        self._journal(run.job, kept, warnings)
        pages.after(self._project, run.db, run.job.id)

    def _journal(self, job: store.Job, kept: list[store.Candidate], warnings: list[str]) -> None:
        journal.append(
            self._project,
            "art.delivered",
            actor=self._actor,
            references={"job": job.name, "sha256": [one.sha256 for one in kept]},
            data={"warnings": warnings},
            now=self._now(),
        )


def made_by(engine: Engine, request: Request, on_progress: ProgressCallback | None) -> Result:
    """What the engine makes of a request, each picture labelled with what made it.

    Raises StudioError (``engine_broke``, and what the engine refuses).
    """
    return whole(engine, request, engine.generate(request, on_progress))


def whole(engine: Engine, request: Request, result: Result) -> Result:
    """A result of as many pictures as were asked for, labelled. Raises (``engine_broke``)."""
    if len(result.images) != request.count:
        raise StudioError(
            ENGINE_BROKE,
            f"The engine delivered {len(result.images)} pictures instead of {request.count}; "
            "none was kept.",
            hint="Run it again; if it happens again, report it to the engine's author.",
            delivered=len(result.images),
            wanted=request.count,
        )
    label = {"made_by": engine.label}
    labelled = (replace(image, settings={**image.settings, **label}) for image in result.images)
    return replace(result, images=tuple(labelled))


def order_of(job: store.Job, request: Request) -> Order:
    """The order that a job was made from."""
    from ategnatos.art.order import Order

    return Order(
        request=request,
        asked=job.asked,
        canonical=job.request,
        base=job.base,
        take=job.take,
        binding=job.binding,
        warnings=job.warnings,
        recipe_id=job.recipe_id,
    )


def labelled(job: store.Job, number: int, image: Image) -> bytes:
    """The picture with its whole provenance inside; no clock, so that it can be made again."""
    from ategnatos.art.recipes import origin
    from ategnatos.pictures import metadata

    made_from = origin.of(job)
    png = image.png if made_from is None else origin.in_its_colours(made_from, image)
    return metadata.embed(
        png,
        {
            "candidate": f"{job.name}#{number}",
            "engine": job.engine,
            "recipe_id": job.recipe_id,
            "binding": job.binding,
            "asked": job.asked,
            "request": job.request,
            "settings": image.settings,
            **({} if made_from is None else made_from.data()),
        },
    )


def keep(project: Project, job: store.Job, number: int, image: Image) -> store.Candidate:
    """Store one picture in its place; it becomes a candidate when the job moves."""
    stored = put(project, job, number, labelled(job, number, image))
    return store.Candidate(
        job=job.id,
        number=number,
        path=stored.path.relative_to(project.root).as_posix(),
        sha256=stored.sha256,
        bytes=stored.size,
        width=image.width,
        height=image.height,
        seed=image.seed,
        settings=image.settings,
    )


def put(project: Project, job: store.Job, number: int, png: bytes) -> content.Stored:
    """Store the bytes of candidate ``number``, counted from 1."""
    return content.put_candidate(project, *job.place(number), png)


def pictures_on_disk(
    project: Project, job: store.Job, count: int, first: int = 1
) -> list[store.Candidate] | None:
    """The candidates of a job from ``first`` on that lie on disk, read from the files themselves.

    None unless all ``count`` are there and say that they are this job's.
    """
    paths = [
        content.candidate_path(project, *job.place(number))
        for number in range(first, first + count)
    ]
    if not all(path.is_file() for path in paths):
        return None
    from ategnatos.pictures import metadata
    from ategnatos.pictures.inspect import picture_info

    found = []
    for number, path in enumerate(paths, start=first):
        try:
            inside = metadata.read(path).get("ategnatos") or {}
            size = picture_info(path)
        except StudioError:
            return None  # damaged; the store refuses to put another picture in its place
        reference = (inside.get("candidate"), inside.get("binding"))
        if reference != (f"{job.name}#{number}", job.binding):
            return None
        png = path.read_bytes()
        found.append(
            store.Candidate(
                job=job.id,
                number=number,
                path=path.relative_to(project.root).as_posix(),
                sha256=sha256_bytes(png),
                bytes=len(png),
                width=size.width,
                height=size.height,
                seed=inside["settings"]["seed"],
                settings=inside["settings"],
            )
        )
    return found


def _record(db: Database, *, job_id: int, kept: list[store.Candidate], warnings: list[str]) -> None:
    store.put_candidates(db, job_id, kept, warnings=warnings)


def _lost_again(job: store.Job) -> StudioError:
    return StudioError(
        ENGINE_BROKE,
        f"The pictures of {job.name} were made and paid for, and are not where they were put;"
        " nothing was sent again.",
        hint="Bring workspace/outputs back from a backup, or make a new take: add --again.",
        job=job.name,
    )
