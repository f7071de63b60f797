"""The job store in a storm: kill -9, SIGSTOP, lost replies, clock jumps, server crashes.

Usage: python benchmarks/torture.py --kills 500 [--seed 1] [--only sqlite|postgres]

Workers are real processes that bill through a real HTTP server which does every wrong thing that
vendors do. The last line of each storm must be four zeros: jobs lost, transitions duplicated,
effects billed twice, and rows of the books that do not agree with the vendor's till. Then, with
nothing else to do, a worker is killed while it holds a job, and the time is taken until another
has it: at most the lease and five seconds.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))

from ategnatos.grimoire.jobs import database, saga, store  # noqa: E402
from ategnatos.grimoire.project import Project  # noqa: E402
from tests import postgres  # noqa: E402
from tests.torture.storm import Storm  # noqa: E402
from tests.torture.vendor import Vendor  # noqa: E402

LEASE = 2.0
ALLOWED = LEASE + 5.0


def storm(kills: int, seed: int, server: postgres.Server | None) -> bool:
    """One storm; True if everything is accounted for."""

    def crash() -> None:
        assert server is not None
        server.crash()
        server.start()

    with tempfile.TemporaryDirectory() as folder:
        project = Project.create(Path(folder) / "studio")
        more = {}
        if server is not None:
            os.environ[database.URL_VARIABLE] = server.fresh(f"storm{seed}")
            clock = server.set_clock if server.skewable else None
            more = {"crash": crash, "crashes": max(4, kills // 60), "set_server_clock": clock}
        report = Storm(
            project, seed, kills=kills, lease=LEASE, patience=kills * 6.0 + 120, **more
        ).run()
    print("\n".join(report.lines()), flush=True)
    for problem in (*report.lost, *report.duplicated, *report.billed_twice, *report.unpaid)[:20]:
        print(f"  ! {problem}")
    return report.clean


def recovery(times: int, server: postgres.Server | None) -> bool:
    """How long a job stays with a dead worker, from kill -9 to the next claim."""
    taken = []
    for far in (True, False):
        for number in range(times):
            with tempfile.TemporaryDirectory() as folder:
                project = Project.create(Path(folder) / "studio")
                if server is not None:
                    os.environ[database.URL_VARIABLE] = server.fresh(f"r{far}{number}".lower())
                taken.append((far, _one_recovery(project, odd=not far)))
    for far, words in ((True, "a worker elsewhere"), (False, "a worker of this machine")):
        found = sorted(seconds for is_far, seconds in taken if is_far is far)
        print(
            f"recovery from kill -9 of {words}: worst {found[-1]:.2f} s,"
            f" median {found[len(found) // 2]:.2f} s of {len(found)}"
            f" (allowed: lease {LEASE:g} s + 5 s)"
        )
    return all(seconds <= ALLOWED for _, seconds in taken)


def _one_recovery(project: Project, *, odd: bool) -> float:
    # Nobody is answered, so whoever has the job still has it when he is killed.
    vendor = Vendor(1, mute=True)
    (project.root / "weather").unlink(missing_ok=True)
    with database.connect(project) as db:
        db.execute("CREATE TABLE purse (key TEXT PRIMARY KEY, status TEXT NOT NULL)")
    from tests.torture.weather import Weather

    Weather(project.root / "weather").write(0.0, 0.0, 0.0)
    # Two workers of one kind; the one that has the job is killed.
    workers = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.torture.worker", str(project.root)),
                *(str(vendor.port), str(100 + 2 * place + odd), str(LEASE)),
            ],
            cwd=ROOT,
        )
        for place in range(2)
    ]
    try:
        with database.connect(project) as db:
            time.sleep(0.7)
            store.record(
                db,
                kind="character",
                engine="vendor",
                recipe_id="recovery",
                base="b",
                take=0,
                binding="0" * 16,
                asked="one thing",
                request={},
                now="",
                saga=saga.load("art"),
            )
            while not (owner := store.get(db, 1).owner):
                time.sleep(0.002)
            fence, pid = store.get(db, 1).fence, int(owner.split(":")[1])
            os.kill(pid, signal.SIGKILL)
            killed = time.monotonic()
            while True:
                job = store.get(db, 1)
                if job.fence > fence and (job.owner or not job.runnable):
                    return time.monotonic() - killed
                time.sleep(0.005)
    finally:
        for one in workers:
            one.kill()
            one.wait()
        vendor.close()


def main() -> None:
    """Storm over both databases, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500, help="faults of each storm")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(100_000))
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    parser.add_argument("--recoveries", type=int, default=5)
    options = parser.parse_args()
    os.environ.pop(database.URL_VARIABLE, None)
    good = True
    if options.only != "postgres":
        print("SQLite")
        good &= storm(options.kills, options.seed, None)
        good &= recovery(options.recoveries, None)
    if options.only != "sqlite":
        why = postgres.why_not()
        if why:
            print(f"Postgres: not tried, it {why}")
            sys.exit(1)
        server = postgres.Server(skewable=True)
        try:
            clock = "" if server.skewable else " (its clock stands: libfaketime is missing)"
            print(f"Postgres, with immediate server crashes{clock}")
            good &= storm(options.kills, options.seed, server)
            server.set_clock(0.0)
            good &= recovery(options.recoveries, server)
        finally:
            server.remove()
    print("nothing lost, repeated or billed twice" if good else "FAILED: see above")
    sys.exit(not good)


if __name__ == "__main__":
    main()
