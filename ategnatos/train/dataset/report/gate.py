"""Gate 1: whether the report of a dataset says GO, and still speaks of what is there.

It is open where the newest report of a dataset says GO of the version that counts, and every file
of that version still has the bytes of its hash. A new version, or a changed file, closes it. There
is no flag to set: the state is read from the journal and the files each time.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_file
from ategnatos.train.dataset import record, store
from ategnatos.train.dataset.report import EVENT, GO

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.version import Version

DATASET_GATE = ErrorCode("dataset_gate", "Gate 1 is closed: the dataset's report does not say GO.")


@dataclass(frozen=True, slots=True)
class Gate:
    """The state of gate 1. ``why`` says what closes it ("" where it is open); ``event`` is the
    report's id in the journal; ``digest`` that of the version which counts now.
    """

    open: bool
    dataset: str
    version: int
    digest: str
    event: str
    why: str

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def state(project: Project, dataset: str, version: int | None = None) -> Gate:
    """Gate 1 of a dataset's newest version, or of ``version``. Hashes every file.

    Raises StudioError (``dataset_unknown``, ``dataset_damaged``, ``journal_corrupt``).
    """
    counts = record.load(project, dataset, version)
    digest = counts.digest()
    event_id, verdict, reported = "", "", ""
    for event in journal.read(project, {EVENT}):
        if event.references.get("dataset") != dataset:
            continue
        if version is None or event.references.get("digest") == digest:
            event_id = event.id
            verdict = str(event.data.get("verdict"))
            reported = str(event.references.get("digest"))
    if not event_id:
        why = "there is no report of it yet"
    elif reported != digest:
        why = "the dataset was changed since its report"
    elif verdict != GO:
        why = f"its report says {verdict}"
    else:
        why = changed_file(project, counts)
    return Gate(not why, dataset, counts.number, digest, event_id, why)


def require(project: Project, dataset: str, version: int | None = None) -> Gate:
    """The gate, where it is open. Raises StudioError (``dataset_gate``)."""
    found = state(project, dataset, version)
    if found.open:
        return found
    raise StudioError(
        DATASET_GATE,
        f"Gate 1 of {dataset!r} is closed: {found.why}. Nothing was started.",
        hint=f"ategnatos train dataset report {dataset}",
        **found.facts(),
    )


def changed_file(project: Project, version: Version) -> str:
    """What is wrong with the first file that is not what its hash says; "" where all are."""
    for one in version.pictures:
        try:
            path = store.path_of(project, version.dataset, one.name, one.sha256)
            if sha256_file(path) != one.sha256:
                return f"the file of {one.name} was changed on the disk"
        except (StudioError, OSError):
            return f"the file of {one.name} is gone"
    return ""
