"""A seeded studio for the pictures of the page: the starter engine, the starter trainer.

Pictures, verdicts, preferences, the training and its evaluation are made by what a user's commands
call; nothing is painted in. Two things are played: the gates of the training, which ask a person at
a terminal, and the provider of the rented machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ategnatos.grimoire.project import Project
from ategnatos.train.plan.store import Kept

ORDERS = (
    ("a red potion, outlined", "game/potion"),
    ("a blue sword, outlined", "game/sword"),
    ("a green shield, outlined", "game/shield"),
    ("a golden key, outlined", "game/key"),
    ("a purple gem, outlined", "game/gem"),
    ("a red heart, outlined", "game/heart"),
    ("a blue potion, outlined", ""),
    ("a yellow star, outlined", ""),
    ("a green gem, outlined", ""),
)
VARIED = (
    ("game/potion", "v1", "green", "the swamp level needs one"),
    ("game/potion", "v1", "purple", "poison should not look like health"),
    ("game/potion", "v3", "bigger", "too small at 32 pixels"),
)


def command(*words: str, check: bool = True) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ategnatos", *words], capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


def seeded(folder: Path) -> Project:
    """The studio: briefs, orders, variations, verdicts signed by a key, a taste."""
    from tests.guard import keys

    studio = folder / "pixel-quest"
    command("init", str(studio), "-q")
    os.chdir(studio)
    project = Project(studio)
    keys.founded(project)
    for prompt, asset in ORDERS:
        if asset:
            command("art", "brief", "new", asset, "--subject", prompt, "--spec", "sprite")
        wanted = ("--for", asset) if asset else ()
        command("art", "generate", prompt, "-n", "4", "-q", *wanted, check=bool(asset))
    for asset, version, change, because in VARIED:
        command(
            *("art", "vary", f"{asset}/{version}", "--change", change, "--because", because),
            *("-n", "4", "-q"),
            check=False,
        )
    event = judge(project)
    for text, category in (
        ("thick dark outlines", "style"),
        ("saturated colours", "color"),
        ("one thing, centred", "composition"),
    ):
        bears = ("j1#1", "j2#2", "j4#1")
        proofs = [word for one in bears for word in ("--evidence", event[one])]
        command("eye", "add", text, "--category", category, *proofs)
    command("eye", "add", "blurry edges", "--polarity", "never", "--evidence", event["j3#2"])
    command(
        *("art", "request-review", "j5#1", "--note", "is the facet on the left too bright?"),
        check=False,
    )
    command("grimoire", "render")
    return project


def judge(project: Project) -> dict[str, str]:
    """Verdicts as the page records them, with the key's signatures; their events by picture."""
    from ategnatos.grimoire.jobs import database, store
    from ategnatos.guard.gate import held, trust
    from ategnatos.web import desk
    from tests.guard import keys

    yes = {(1, 1), (2, 2), (4, 1)}
    no = {(1, 3): "cut off", (2, 4): "too busy", (3, 2): "too dark", (4, 4): "too plain"}
    with database.connect(project) as db:
        pictures = store.all_candidates(db)
    for one in pictures:
        place = (one.job, one.number)
        if place in yes:
            desk.choose(project, one.reference, one.sha256, "approved", "")
        elif place in no:
            desk.choose(project, one.reference, one.sha256, "rejected", no[place])
    approvers = trust.known(project)
    assert approvers is not None
    key = held.opened(approvers, keys.PASSPHRASE)
    done = desk.sign(project, desk.waiting_choices(project), key)
    return {one.candidate: one.event for one in done.done}


def trained(project: Project) -> Kept:
    """A LoRA of the packaged owl, trained by the starter trainer, with an evaluation."""
    from ategnatos.train.demonstration import owl
    from ategnatos.train.plan import store
    from tests.train.run import studio

    now = datetime.now(UTC)
    version = owl.owls(project, "user:ada", now)
    owl.prior(project, "user:ada", now)
    owl.plan(project, version, True, "user:ada", now)
    samples = [
        {"prompt": "an ategnatos owl", "seed": 1},
        {"prompt": "a blue ategnatos owl", "seed": 2},
        {"prompt": "a red ategnatos owl", "seed": 4},
        {"prompt": "a red apple", "seed": 1},
    ]
    values = {"samples": samples, "sample_every_steps": 20, "save_every_steps": 20}
    kept = store.change(project, owl.PLAN, values, actor="user:ada", because="", now=now)
    run = studio.followed(project, studio.ordered(project, kept))
    assert run.state == "finished", run.why
    # As many as a person holds in view at once.
    prompts = project.root / "prompts.txt"
    prompts.write_text(
        "near: an ategnatos owl\nnear: a small ategnatos owl\nfar: a red ategnatos owl\n"
        "without: a blue cat\nother: a red apple\nother: a green tree\n",
        encoding="utf-8",
    )
    command(
        *("train", "eval", run.id, "--checkpoints", "60,best", "--weights", "0.6,0.9"),
        *("--seeds", "2", "--prompts", str(prompts), "-q"),
    )
    return kept


@contextmanager
def training(project: Project, kept: Kept) -> Iterator[str]:
    """A second run of the same plan that trains while the block lasts; its id."""
    from ategnatos.train.run import control, record
    from tests.train.run import studio

    run = studio.ordered(project, kept)
    control.start(project, control.number_of(run))
    deadline = time.monotonic() + 300
    while record.load(project, run.id).step < 40 and time.monotonic() < deadline:
        time.sleep(0.5)
    try:
        yield run.id
    finally:
        now = datetime.now(UTC)
        control.stop(project, run, actor="user:ada", now=now, wait=120)


def voted(project: Project) -> None:
    """Two people, one of whom errs twice, prefer the later checkpoint and the higher weight."""
    from ategnatos.train.evaluation import record, votes

    one = record.load(project, "owl")
    steps = {file.name: file.step or 0 for file in one.checkpoints}
    worth = {each.name: (steps[each.checkpoint], each.weight) for each in one.contenders}
    for voter, errs in (("ada", 0), ("ben", 2)):
        left = errs
        while pair := votes.next_pair(project, one, voter):
            better = (worth[pair.left] > worth[pair.right]) is (left <= 0)
            choice = "left" if better else "right"
            votes.cast(project, one, voter, pair.id, choice, datetime.now(UTC))
            left -= 1


@contextmanager
def renting(project: Project) -> Iterator[str]:
    """A machine that bills, of a provider that is played; its name."""
    from tests.providers.clouds.cloud import KEY
    from tests.providers.clouds.runpod import RunPodCloud
    from tests.web.renting import rented

    with RunPodCloud(time.time, check=False) as cloud:
        os.environ |= {"RUNPOD_API_KEY": KEY, "RUNPOD_API_BASE_URL": cloud.address}
        yield rented(project, cloud.provider, minutes=180, actor="user:ada")
