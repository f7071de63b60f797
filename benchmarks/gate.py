"""How long ``gate verify`` takes for many verdicts, as a ratio to bare Ed25519 verification.

Usage: python benchmarks/gate.py [--verdicts 1000]

The studio is real: as many candidates, each with a signed verdict in the journal and a row in
the database. The floor is the same number of verifications of the same signatures in a bare
loop, in the same process. Printed too: the cost of one guess at a passphrase. To reach: 1,000
verdicts within a few seconds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from ategnatos.grimoire import journal
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project
from ategnatos.guard.gate import acts, audit, keyfile, record, statements, trust

NOW = datetime(2026, 11, 20, tzinfo=UTC)
PASSPHRASE = b"seven green lanterns hum"


def studio(root: Path, count: int) -> tuple[Project, list[statements.Signed], float]:
    """A studio with ``count`` signed verdicts, its signatures, and seconds for one guess."""
    project = Project.create(root)
    started = time.perf_counter()
    key, private = keyfile.create("ada", bytearray(PASSPHRASE), now=NOW)
    guess = time.perf_counter() - started
    known = acts.found(project, key, private, "ada", now=NOW)
    signed = [sign(private, known, number) for number in range(1, count + 1)]
    with database.connect(project) as db:
        job, _ = store.record(
            db,
            kind="image",
            engine="none",
            recipe_id="prompt",
            base="b",
            take=0,
            binding="0" * 16,
            asked="",
            request={},
            now=store.iso(NOW),
        )
        empty = store.Candidate(job.id, 0, "", "", 0, 1, 1, 0, {})
        pictures = [replace(empty, number=n, sha256=f"{n:064x}") for n in range(1, count + 1)]
        with database.writing(db):
            store.put_candidates(db, job.id, pictures, warnings=[])
        events = []
        for picture, one in zip(pictures, signed, strict=True):
            event = journal.append(
                project,
                record.VERDICT_EVENT,
                actor="person:ada",
                references={"candidate": picture.reference, "sha256": picture.sha256},
                data={"verdict": "approved", "reason": None, "gate": "signed", **one.data()},
                now=NOW,
            )
            events.append((event.id, picture.number))
        with database.writing(db):
            for row in events:
                db.execute(
                    "UPDATE candidate SET verdict='approved', verdict_event=? WHERE number=?", row
                )
    return project, signed, guess


def sign(private: Ed25519PrivateKey, known: trust.Trust, number: int) -> statements.Signed:
    """An approval of candidate ``number``."""
    statement = statements.make(
        studio=known.studio,
        gate=record.REVIEW,
        subject={"asset": f"j1#{number}", "sha256": f"{number:064x}"},
        verdict="approved",
        approver=known.approvers[0].key,
        now=NOW,
    )
    return statements.Signed(statement, private.sign(statement.to_sign()).hex())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verdicts", type=int, default=1000)
    count = parser.parse_args().verdicts
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = f"{folder}/account"
        project, signed, guess = studio(Path(folder) / "studio", count)
        known = trust.known(project)
        assert known is not None
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(known.approvers[0].key))
        raw = [(bytes.fromhex(one.signature), one.statement.to_sign()) for one in signed]
        bare, whole = [], []
        for _ in range(5):
            started = time.perf_counter()
            for signature, text in raw:
                public.verify(signature, text)
            bare.append(time.perf_counter() - started)
            started = time.perf_counter()
            report = audit.audit(project, trust.known(project))
            whole.append(time.perf_counter() - started)
            assert not report.broken, report.broken[:3]
        started = time.perf_counter()
        command = [sys.executable, "-m", "ategnatos", "gate", "verify", "--json"]
        subprocess.run(command, cwd=project.root, check=True, stdout=subprocess.DEVNULL)
        cold = time.perf_counter() - started
    floor, took = min(bare), min(whole)
    print(f"floor: {count} bare Ed25519 verifications  {floor * 1000:.0f} ms (best of 5)")
    print(f"gate verify, in process: {took * 1000:.0f} ms  {took / floor:.2f} x")
    print(f"gate verify, cold, the whole command: {cold * 1000:.0f} ms  {cold / floor:.2f} x")
    print(f"one guess at the passphrase (scrypt, 128 MiB): {guess * 1000:.0f} ms")


if __name__ == "__main__":
    main()
