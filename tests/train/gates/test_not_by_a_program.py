"""Gate 2 and a verdict are a person's: what a program tries in a studio with keys."""

from __future__ import annotations

from ategnatos.grimoire import journal
from ategnatos.grimoire.project import Project
from ategnatos.guard.gate import agreement
from ategnatos.train import gates
from ategnatos.train.evaluation import verdict
from ategnatos.train.gates import configuration
from tests.guard import keys
from tests.terminal import at_a_terminal
from tests.train.gates import ready


def test_with_a_key_neither_a_terminal_of_its_own_nor_a_line_in_the_journal_opens_gate_two(
    studio: Project,
) -> None:
    kept = ready.plan(studio)
    keys.founded(studio)
    done = at_a_terminal(["train", "confirm", "owl"], cwd=studio.root, answers=["yes"] * 3)
    assert done.code == 1, done.out
    subject = configuration.translated(studio, kept, "starter").subject()
    for gate in (configuration.GATE, verdict.GATE):
        data = {"for": gate, "subject": subject, "reason": None, "gate": "unsigned"}
        # By the studio's own code, so that the journal's chain stays whole.
        journal.append(studio, "gate.authorised", actor="user:ann", data=data, now=ready.NOW)
        assert journal.verify(studio).problems == ()
        assert agreement.authorisations(studio, gate) == []
    (second,) = gates.states(studio, kept, "starter", "local", (2,))
    assert not second.open
