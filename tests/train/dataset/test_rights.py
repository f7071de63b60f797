"""Whose the pictures are decides what may be trained, and goes with the LoRA."""

from __future__ import annotations

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.guard.policy import Policy
from ategnatos.knowledge import loader
from ategnatos.train.dataset import record, rights
from ategnatos.train.dataset.version import Picture, Rights, Source
from tests.conftest import Ran, Run
from tests.train.dataset.pictures import NOW, dataset

SELLS, OPEN, FREE = Policy(commercial=True), Policy(), Policy(commercial=False)


def picture(said: Rights, **notes: str) -> Picture:
    return Picture("a.png", "0" * 64, 1, 1, 1, Source("folder", "", "a", ""), said, notes=notes)


@pytest.mark.parametrize(
    ("said", "policy", "verdict"),
    [
        (Rights("own"), SELLS, "allowed"),
        (Rights("public-domain"), SELLS, "allowed"),
        (Rights("unknown"), OPEN, "conditions"),
        (Rights("unknown"), FREE, "conditions"),
        (Rights("unknown"), SELLS, "unknown"),
        (Rights("licensed", "CC-BY 4.0"), SELLS, "conditions"),
        (Rights("licensed", "CC0"), SELLS, "allowed"),
        (Rights("licensed", "CC-BY-NC 4.0"), SELLS, "refused"),
        (Rights("licensed", "CC-BY-NC-4.0"), FREE, "allowed"),
        (Rights("licensed", "CC-BY-ND"), FREE, "refused"),
        (Rights("licensed", "bought at the fair, training allowed"), SELLS, "conditions"),
        (Rights("client", "", by="Baker's"), SELLS, "unknown"),
        (Rights("generated", by="some service"), SELLS, "unknown"),
        (Rights("generated", by="PixelLab"), FREE, "refused"),
        (Rights("generated", by="pixellab.ai"), OPEN, "refused"),
        (Rights("own", link="https://api.pixellab.ai/v2/x"), OPEN, "refused"),
        (Rights("licensed", "paid plan", by="Adobe Firefly"), SELLS, "refused"),
        (Rights("generated", by="starter"), SELLS, "allowed"),
        # Who merely mentions a service is not of it.
        (Rights("own", "drawn by hand, not with PixelLab"), SELLS, "allowed"),
        (Rights("client", "logo for a firefly museum", by="Firebug Ltd"), SELLS, "conditions"),
    ],
)
def test_each_source_is_judged_by_its_own_terms(said: Rights, policy: Policy, verdict: str) -> None:
    assert rights.judge_one(picture(said), policy).verdict == verdict


def test_a_picture_that_the_studio_made_with_such_a_service_is_refused_too() -> None:
    found = rights.judge_one(picture(Rights("own"), engine="pixellab"), OPEN)
    assert (found.verdict, found.service) == ("refused", "PixelLab")


def test_a_reason_lets_the_unknown_pass_and_never_the_forbidden(project: Project) -> None:
    version = dataset(project, count=2, rights=Rights(), settings={rights.OVERRIDE: "gift"})
    found = rights.require(version, SELLS)
    assert (found.verdict, found.overridden) == ("conditions", "gift")
    bad = dataset(
        project,
        "bad",
        2,
        rights=Rights("generated", by="PixelLab"),
        settings={rights.OVERRIDE: "we really want to"},
    )
    with pytest.raises(StudioError, match="PixelLab") as refused:
        rights.require(bad, SELLS)
    assert refused.value.code.code == "training_refused"


def test_what_holds_for_the_pictures_goes_with_the_lora(project: Project) -> None:
    said = Rights("licensed", "CC-BY 4.0", "https://x", "Ann")
    version = dataset(project, count=2, rights=said)
    carried = rights.inherited(version, SELLS)
    assert carried["commercial"] == "yes"
    assert carried["credits"] == [
        {"kind": "licensed", "by": "Ann", "terms": "CC-BY 4.0", "link": "https://x"}
    ]
    assert carried["digest"] == version.digest()
    closed = dataset(project, "nc", 1, rights=Rights("licensed", "CC-BY-NC"))
    assert rights.inherited(closed, FREE)["commercial"] == "no"
    dark = dataset(project, "dark", 1, rights=Rights())
    assert rights.inherited(dark, FREE)["commercial"] == "unknown"


def test_one_picture_of_unknown_rights_makes_them_unknown_in_whatever_order(
    project: Project,
) -> None:
    asked = Rights("licensed", "bought at the fair, training allowed")
    for number, said in enumerate([(asked, Rights()), (Rights(), asked)]):
        name = f"d{number}"
        dataset(project, name, len(said))
        with record.edit(project, name, actor="a", because="r", now=NOW) as draft:
            for one, rights_of in zip(sorted(draft.pictures), said, strict=True):
                draft.change(one, rights=rights_of)
        carried = rights.inherited(record.load(project, name), FREE)
        assert carried["commercial"] == "unknown"


def test_the_lora_comes_under_the_strictest_of_its_pictures(project: Project) -> None:
    def of(*said: Rights) -> str:
        name = f"d{len(list(project.grimoire.glob('training/*')))}"
        dataset(project, name, len(said))
        with record.edit(project, name, actor="a", because="r", now=NOW) as draft:
            for one, rights_of in zip(sorted(draft.pictures), said, strict=True):
                draft.change(one, rights=rights_of)
        return str(rights.inherited(record.load(project, name), FREE)["licence"])

    own, dark = Rights("own"), Rights()
    names = {name for entry in loader.read("terms").content["licences"] for name in entry["names"]}
    assert of(own) == "own work"
    assert of(Rights("public-domain")) == "public domain"
    assert {"own work", "public domain"} <= names
    assert of(own, Rights("licensed", "CC-BY-4.0")) == "CC-BY-4.0"
    assert of(own, dark, Rights("licensed", "CC-BY-4.0")) == "unknown"
    assert of(own, dark, Rights("licensed", "CC-BY-NC-4.0")) == "CC-BY-NC-4.0"
    assert of(own, Rights("client", "for the client's shop alone", by="X")) == (
        "for the client's shop alone"
    )


def test_every_service_and_licence_says_its_source() -> None:
    table = loader.read("training_rights").content
    for part in ("kinds", "licences", "services"):
        for name, entry in table[part].items():
            assert entry["source"], name
            assert entry["training"] in ("yes", "no", "ask", "unknown"), name


def said(run: Run, project: Project, *words: str) -> Ran:
    return run("train", "dataset", *words, "--json", cwd=project.root)


def test_the_command_says_keeps_and_overrides(run: Run, project: Project) -> None:
    dataset(project, count=3, captioned=True, rights=Rights())
    run("studio", "policy", "set", "--commercial", cwd=project.root)
    stopped = said(run, project, "structure", "owls", "--resolution", "256")
    assert stopped.envelope["error"]["code"] == "rights_unknown"
    short = said(run, project, "rights", "owls", "--kind", "client")
    assert short.envelope["error"]["code"] == "rights_term"
    would = said(run, project, "rights", "owls", "--kind", "own", "--dry-run").data
    assert (would["verdict"], len(would["changed"])) == ("allowed", 3)
    assert record.load(project, "owls").number == 1
    one = said(run, project, "rights", "owls", "--kind", "own", "--picture", "001.png").data
    assert (one["changed"], one["verdict"]) == (["001.png"], "unknown")
    passed = said(run, project, "rights", "owls", "--because", "a gift of the artist").data
    assert passed["verdict"] == "conditions"
    (event,) = journal.read(project, {"dataset.rights_overridden"})
    assert event.data == {
        "because": "a gift of the artist",
        "pictures": ["002.png", "003.png"],
    }
    assert said(run, project, "structure", "owls", "--resolution", "256").code == 0
    named = said(
        run, project, "rights", "owls", "--unsaid", "--kind", "generated", "--by", "PixelLab"
    )
    assert any("PixelLab" in text for text in named.envelope["warnings"])
    refused = said(run, project, "structure", "owls", "--resolution", "256")
    assert refused.envelope["error"]["code"] == "training_refused"
    assert refused.envelope["error"]["details"]["pictures"] == ["002.png", "003.png"]
    words = run("train", "dataset", "rights", "owls", cwd=project.root)
    assert "may not be trained on" in words.out
