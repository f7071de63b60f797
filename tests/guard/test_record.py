"""What counts: forged, moved, repeated, late and unsigned verdicts, each told from the true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ategnatos.art import ship
from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import sha256_bytes
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.journal_file import write_head
from ategnatos.grimoire.project import Project
from ategnatos.guard import gate
from ategnatos.guard.gate import acts, audit, book, pins, record, statements, trust
from ategnatos.guard.gate.record import Standing
from ategnatos.guard.gate.statements import Signed
from tests.guard import keys

Change = Any


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An account of its own."""
    with keys.account(tmp_path / "account"):
        yield tmp_path / "account"


@pytest.fixture
def signing(project: Project, home: Path) -> Ed25519PrivateKey:
    """The first approver's key, in a studio in signed mode with two candidates."""
    private = keys.founded(project)
    keys.made(project)
    return private


def candidates(project: Project) -> list[store.Candidate]:
    with database.connect(project) as db:
        return store.candidates(db, 1)


def known(project: Project) -> trust.Trust:
    found = trust.known(project)
    assert found is not None
    return found


def forge(project: Project, one: store.Candidate, signed: Signed | None, **data: Any) -> None:
    """Write a verdict into the journal as an attacker does: through the journal itself."""
    facts = {"verdict": "approved", "reason": None, "gate": "signed" if signed else "unsigned"}
    journal.append(
        project,
        record.VERDICT_EVENT,
        actor="person:ada",
        references={"candidate": one.reference, "sha256": one.sha256},
        data={**facts, **(signed.data() if signed else {}), **data},
    )


def rewrite(project: Project, change: Change) -> None:
    """Rewrite the journal line by line (None drops one), with an unbroken chain and head."""
    previous, count, out = journal.FIRST_PREVIOUS, 0, b""
    for _, raw in list(journal.lines(project)):
        event = journal.parse(raw)
        assert event is not None
        for one in change(event):
            count += 1
            facts = {name: getattr(one, name) for name in one.__slots__}
            line = journal.Event(**{**facts, "previous": previous, "id": f"e{count:08d}"}).line()
            previous, out = sha256_bytes(line), out + line + b"\n"
    project.journal_path.write_bytes(out)
    write_head(project, count, previous)
    assert journal.verify(project).sound


def standing(project: Project, one: store.Candidate) -> tuple[Standing, str]:
    return book.read(project).on_record(one.reference, one.sha256, "approved")


def exporting(project: Project, number: int = 1) -> None:
    ship.ship(project, 1, number, "a", ship.Options(), actor="test", now=lambda: keys.NOW)


def refusal(project: Project, number: int = 1) -> str:
    with pytest.raises(StudioError) as refused:
        exporting(project, number)
    assert not (project.exports / "loose").exists()
    return refused.value.code.code


def test_a_signed_approval_is_exported_with_its_signature(
    project: Project, signing: Ed25519PrivateKey
) -> None:
    first, second = candidates(project)
    given = keys.give(project, first, keys.approval(project, signing, first))
    assert given.signed
    assert given.approver == "ada"
    exporting(project)
    entry = documents.read(project, "manifest").entries[0]
    kept = statements.parse_signed(entry.provenance["verdict"])
    assert kept is not None
    assert statements.is_genuine(kept)
    assert kept.statement.subject == {"asset": "j1#1", "sha256": first.sha256}
    assert refusal_is_only_about(project, second) == "not_approved"
    report = audit.audit(project, known(project))
    assert report.broken == []
    assert report.counts()["manifest"] == {"signed": 1}


def refusal_is_only_about(project: Project, one: store.Candidate) -> str:
    with pytest.raises(StudioError) as refused:
        exporting(project, one.number)
    return refused.value.code.code


@pytest.mark.parametrize(
    "what", ["another asset", "another studio", "another key", "another verdict", "no signature"]
)
def test_a_verdict_about_something_else_is_broken(
    project: Project, signing: Ed25519PrivateKey, what: str
) -> None:
    first, second = candidates(project)
    stranger = Ed25519PrivateKey.generate()
    signed: dict[str, Signed | None] = {
        "another asset": keys.approval(project, signing, second),
        "another studio": keys.approval(project, signing, first, studio="0" * 32),
        "another key": keys.approval(project, stranger, first),
        "another verdict": keys.approval(project, signing, first, verdict="rejected"),
        "no signature": None,
    }
    forge(project, first, signed[what])
    assert standing(project, first)[0] is Standing.BROKEN
    assert refusal(project) == "not_approved", "the database does not follow a broken verdict"
    with database.connect(project) as db, database.writing(db):
        db.execute("UPDATE candidate SET verdict='approved', verdict_event='e00000005'")
    assert refusal(project) == "verdict_broken"
    assert {line.where for line in audit.audit(project, known(project)).broken} == {
        "journal",
        "database",
    }


def test_a_signature_counts_once_and_the_person_can_still_decide(
    project: Project, signing: Ed25519PrivateKey
) -> None:
    first, second = candidates(project)
    signed = keys.approval(project, signing, first)
    keys.give(project, first, signed)
    forge(project, first, signed)
    forge(project, second, signed)
    broken = audit.audit(project, known(project)).broken
    assert sorted(line.problem for line in broken) == [
        "its signature is about something else than it says",
        "the same signature was used before",
    ]
    assert standing(project, first)[0] is Standing.SIGNED
    keys.give(project, second, keys.approval(project, signing, second))
    assert standing(project, second)[0] is Standing.SIGNED


def test_a_forged_database_row_does_not_keep_the_person_from_deciding(
    project: Project, signing: Ed25519PrivateKey
) -> None:
    first, _ = candidates(project)
    with database.connect(project) as db, database.writing(db):
        db.execute("UPDATE candidate SET verdict='approved', verdict_event='e00000001'")
    assert refusal(project) == "verdict_broken"
    keys.give(project, first, keys.approval(project, signing, first))
    exporting(project)


def test_other_bytes_than_those_signed_are_refused(
    project: Project, signing: Ed25519PrivateKey
) -> None:
    first, second = candidates(project)
    keys.give(project, first, keys.approval(project, signing, first))
    (project.root / first.path).write_bytes((project.root / second.path).read_bytes())
    assert refusal(project) == "bytes_changed"
    with database.connect(project) as db, database.writing(db):
        db.execute("UPDATE candidate SET sha256=? WHERE number=1", (second.sha256,))
    assert refusal(project) == "verdict_broken"


def test_a_manifest_that_tells_another_story_is_broken(
    project: Project, signing: Ed25519PrivateKey
) -> None:
    first, second = candidates(project)
    keys.give(project, first, keys.approval(project, signing, first))
    exporting(project)
    with documents.edit(project, "manifest") as document:
        document.entries[0].provenance["verdict"]["signature"] = "0" * 128
    (line,) = audit.audit(project, known(project)).broken
    assert line.where == "manifest"
    with documents.edit(project, "manifest") as document:
        document.entries[0].provenance["source_sha256"] = second.sha256
    (line,) = audit.audit(project, known(project)).broken
    assert "no verdict on these bytes" in line.problem


def test_what_was_approved_before_the_keys_is_unsigned_until_it_is_signed(
    project: Project, home: Path
) -> None:
    first = keys.approved(project)
    exporting(project)
    private = keys.founded(project)
    assert standing(project, first)[0] is Standing.UNSIGNED
    with pytest.raises(StudioError) as refused:
        exporting(project)
    assert refused.value.code is ship.VERDICT_UNSIGNED
    keys.give(project, first, keys.approval(project, private, first))
    exporting(project)
    entry = documents.read(project, "manifest").entries[0]
    assert entry.provenance["verdict"]["approver"] == "ada", "the file of before is signed now"
    assert audit.audit(project, known(project)).broken == []


def test_an_unsigned_verdict_slipped_in_before_the_keys_is_broken(
    project: Project, home: Path
) -> None:
    first, second = keys.made(project)
    keys.give(project, first, None)
    keys.founded(project)
    given = next(iter(journal.read(project, {record.VERDICT_EVENT})))

    def slip_in(event: journal.Event) -> list[journal.Event]:
        if event.kind != record.VERDICT_EVENT:
            return [event]
        facts = {name: getattr(given, name) for name in given.__slots__}
        names = {"candidate": second.reference, "sha256": second.sha256}
        return [journal.Event(**{**facts, "references": names}), event]

    rewrite(project, slip_in)
    assert standing(project, second)[0] is Standing.BROKEN
    assert standing(project, first)[0] is Standing.BROKEN, "one cannot tell which was there"


def test_a_revoked_key_keeps_what_it_signed_and_signs_no_more(
    project: Project, signing: Ed25519PrivateKey, home: Path
) -> None:
    first, second = candidates(project)
    with keys.account(home / "grace"):
        key, grace = keys.make_key("grace")
    wish = acts.request(known(project).studio, key, grace, "grace", now=keys.NOW)
    assert acts.check_request(known(project), wish) == ("grace", key.public)
    joined = keys.signed_act(project, signing, trust.ADDED, name="grace", public=key.public)
    acts.append(project, joined, now=keys.NOW, possession=wish)
    keys.give(project, first, keys.approval(project, grace, first))
    late = keys.approval(project, grace, second)
    out = keys.signed_act(
        project, signing, trust.REVOKED, reason="gone", name="grace", public=key.public
    )
    acts.append(project, out, now=keys.NOW)
    assert standing(project, first)[0] is Standing.SIGNED
    with pytest.raises(StudioError) as refused:
        keys.give(project, second, late)
    assert refused.value.code is gate.NOT_CONFIRMED
    forge(project, second, late)
    assert "after the key of grace was revoked" in standing(project, second)[1]

    def move_up(event: journal.Event) -> list[journal.Event]:
        """Put the late verdict before the revocation, chain and head made good."""
        if event.kind == record.VERDICT_EVENT and event.references["candidate"] == "j1#2":
            return []
        if event.kind == record.VERDICT_EVENT:
            last = list(journal.read(project, {record.VERDICT_EVENT}))[-1]
            return [last, event]
        return [event]

    rewrite(project, move_up)
    assert "the journal before that was changed" in standing(project, second)[1]


def test_nobody_joins_leaves_or_is_revoked_without_an_approver(
    project: Project, signing: Ed25519PrivateKey, home: Path
) -> None:
    with keys.account(home / "eve"):
        key, eve = keys.make_key("eve")
    studio = known(project).studio
    wish = acts.request(studio, key, eve, "eve", now=keys.NOW)
    own = keys.signed_act(project, eve, trust.ADDED, name="eve", public=key.public)
    for signed, possession in (
        (own, wish),
        (keys.signed_act(project, eve, trust.LEFT), None),
        (keys.signed_act(project, eve, trust.FOUNDED, name="eve", public=key.public), wish),
        # An approver cannot put a key in that did not ask for it.
        (keys.signed_act(project, signing, trust.ADDED, name="eve", public=key.public), None),
        (keys.signed_act(project, signing, trust.REVOKED, public=key.public), None),
    ):
        with pytest.raises(StudioError) as refused:
            acts.append(project, signed, now=keys.NOW, possession=possession)
        assert refused.value.code is trust.GATE_BROKEN
        raw = [act.model_dump(mode="json") for act in documents.read(project, "approvers").acts]
        assert len(raw) == 1
    with documents.edit(project, "approvers") as document:
        act = {**own.data(), "possession": wish.data()}
        document.acts.append(type(document.acts[0]).model_validate(act))
    with pytest.raises(StudioError) as refused:
        trust.load(project)
    assert refused.value.code is trust.GATE_BROKEN


def test_an_act_taken_back_is_seen_by_the_pin(project: Project, signing: Ed25519PrivateKey) -> None:
    before = (project.state / "approvers.json").read_bytes()
    acts.append(project, keys.signed_act(project, signing, trust.LEFT), now=keys.NOW)
    assert not known(project).signing
    acts.append(project, keys.signed_act(project, signing, trust.RETURNED), now=keys.NOW)
    assert known(project).signing
    (project.state / "approvers.json").write_bytes(before)
    with pytest.raises(StudioError, match="took acts back"):
        trust.load(project)


def test_while_signed_mode_is_left_unsigned_verdicts_are_what_they_are(
    project: Project, signing: Ed25519PrivateKey
) -> None:
    first, _ = candidates(project)
    acts.append(project, keys.signed_act(project, signing, trust.LEFT), now=keys.NOW)
    keys.give(project, first, None)
    exporting(project)
    acts.append(project, keys.signed_act(project, signing, trust.RETURNED), now=keys.NOW)
    assert standing(project, first)[0] is Standing.UNSIGNED
    assert audit.audit(project, known(project)).broken == []


def test_a_journal_taken_back_behind_a_signature_is_seen(
    project: Project, signing: Ed25519PrivateKey
) -> None:
    first, _ = candidates(project)
    keys.give(project, first, keys.approval(project, signing, first))
    rewrite(project, lambda event: [] if event.kind == record.VERDICT_EVENT else [event])
    with pytest.raises(StudioError) as refused:
        gate.authorisations(project, "budget.caps")
    assert refused.value.code is trust.GATE_BROKEN
    assert audit.audit(project, known(project)).broken[0].where == "approvers"
    acts.complete(project, known(project), now=keys.NOW, mark_here=True)
    assert gate.authorisations(project, "budget.caps") == []


def test_roots_pins_count_whatever_the_account_says(
    project: Project, signing: Ed25519PrivateKey, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import shutil

    system = home / "system.json"
    shutil.copy(home / "ategnatos" / pins.FILE, system)
    monkeypatch.setattr(pins, "SYSTEM_FILE", system)
    shutil.rmtree(home / "ategnatos")
    for name in ("approvers.json", "journal.jsonl", "journal.head"):
        (project.state / name).unlink()
    shutil.rmtree(project.state / "backups" / "approvers")
    if os.getuid() != 0:
        with pytest.raises(StudioError, match="owner"):
            trust.load(project)
        return
    with pytest.raises(StudioError) as refused:
        trust.load(project)
    assert refused.value.code is trust.GATE_BROKEN


def test_the_accounts_own_home_is_looked_at_wherever_the_environment_points(
    project: Project, signing: Ed25519PrivateKey, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ategnatos.guard.gate import account

    monkeypatch.setattr(account, "home_folder", lambda: home / "ategnatos")
    with keys.account(home / "elsewhere"):
        assert known(project).signing
        (project.state / "approvers.json").unlink()
        with pytest.raises(StudioError):
            trust.load(project)


def test_an_authorisation_holds_for_its_words_alone(
    project: Project, signing: Ed25519PrivateKey
) -> None:
    studio = known(project).studio
    subject: statements.Subject = {"sha256": "b" * 64}
    signed = keys.signature(
        signing, studio, "budget.caps", subject, trust.AGREED, reason="a big week"
    )
    facts = {"for": "budget.caps", "subject": subject, "reason": "a big week", "gate": "signed"}

    def told(**change: Any) -> None:
        data = {**facts, **signed.data(), **change}
        journal.append(project, trust.AUTHORISED_EVENT, actor="test", data=data)

    told(subject={"sha256": "c" * 64})
    told(**{"for": "budget.override"})
    told(reason="another")
    told(gate="unsigned", signature=None)
    journal.append(
        project, trust.AUTHORISED_EVENT, actor="t", data={**facts, "gate": record.UNSIGNED}
    )
    assert gate.authorisations(project, "budget.caps") == []
    told()
    told()
    (one,) = gate.authorisations(project, "budget.caps")
    assert (one.subject, one.signed, one.approver) == (subject, True, "ada")
    assert gate.authorisations(project, "budget.override") == []
