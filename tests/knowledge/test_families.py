"""The families as data, held against the servers and code that use them."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.knowledge import families, node_packages, templates
from ategnatos.knowledge.families import Variant
from tests.comfyui import recordings

VARIANTS = list(families.every_variant())
SAMPLER = recordings.object_info()["KSampler"]["input"]["required"]
FOLDERS = {
    "checkpoints",
    "diffusion_models",
    "text_encoders",
    "vae",
    "loras",
    "controlnet",
    "model_patches",
    "clip_vision",
    "latent_upscale_models",
}
DIALECTS = {
    "clip-keywords",
    "booru-tags",
    "prose",
    "llm-prose",
    "llm-prefix",
    "json-caption",
    "instruction-edit",
    "video",
}


def test_there_are_more_than_twenty_families_with_their_variants() -> None:
    assert len(families.names()) >= 20
    assert len(VARIANTS) >= 50


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: one.key)
def test_a_variant_is_right_beside_the_code_that_uses_it(variant: Variant) -> None:
    assert variant.sampler in SAMPLER["sampler_name"][0]
    assert variant.scheduler in SAMPLER["scheduler"][0]
    assert variant.dialect in DIALECTS
    assert variant.steps >= 1
    assert re.fullmatch(r"\d+(\.\d+)+", variant.min_comfyui)
    assert set(variant.templates.values()) <= set(templates.names())
    for task, name in variant.templates.items():
        assert templates.template(name).task.startswith(task)
    assert set(variant.official) <= set(variant.templates)
    # Guidance 1 is no guidance: there is nothing a negative prompt could do.
    assert (variant.negative == "useful") == (variant.cfg > 1 and variant.negative != "none")


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: one.key)
def test_its_sizes_lie_on_the_latent_grid(variant: Variant) -> None:
    sizes = variant.sizes
    for width, height in [(sizes.width, sizes.height), *sizes.buckets]:
        assert width % sizes.multiple == 0
        assert height % sizes.multiple == 0
        assert sizes.least <= min(width, height)
        assert max(width, height) <= sizes.most


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: one.key)
def test_its_licence_says_what_it_allows_and_where_that_was_read(variant: Variant) -> None:
    licence = variant.licence
    assert licence.commercial in {"yes", "no", "conditions", "unknown"}
    assert licence.source
    assert licence.page.startswith("https://")
    # What nobody read allows nothing.
    assert licence.source != "not read yet" or licence.commercial == "unknown"
    assert date.fromisoformat(licence.read) > date(2026, 1, 1)
    if licence.commercial in {"no", "conditions"}:
        assert licence.conditions
    if licence.revenue_limit_usd or licence.territory:
        assert licence.commercial == "conditions"


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: one.key)
def test_its_files_say_their_folder_and_address(variant: Variant) -> None:
    for parameter, file in variant.files.items():
        assert file.folder in FOLDERS, parameter
        assert file.url.startswith("https://")
        assert families.file_named(file.name) is not None


def test_a_family_is_found_by_name_alias_and_variant() -> None:
    assert families.find("z-image").key == "z-image/turbo"
    assert families.find("z-image/base").cfg == 4.0
    assert families.find("flux").key == "flux1/dev"
    assert families.find(" SDXL ").key == "sdxl/base"


@pytest.mark.parametrize(("name", "close"), [("z-imag", "z-image"), ("z-image/turb", "turbo")])
def test_an_unknown_name_is_answered_with_a_close_one(name: str, close: str) -> None:
    with pytest.raises(StudioError, match=close) as refused:
        families.find(name)
    assert refused.value.code is families.FAMILY_UNKNOWN


def test_known_differences_between_variants_are_there() -> None:
    klein, base = families.find("flux2/klein-4b"), families.find("flux2/klein-base-9b")
    assert (klein.licence.commercial, base.licence.commercial) == ("yes", "no")
    assert (klein.negative, families.find("flux2/klein-base-4b").negative) == ("inert", "useful")
    assert families.find("minimax-h3").licence.territory == ("US", "EU", "UK", "KR")
    assert families.find("ltx").licence.revenue_limit_usd == 10_000_000


def test_a_new_family_is_a_file_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    home = Path(families.__file__).parent / "data" / "families"
    content = json.loads((home / "anima.json").read_text())
    content["title"] = "Mine"
    (tmp_path / "mine.json").write_text(json.dumps(content))
    assert families.read("mine", tmp_path).variants["base"].key == "mine/base"
    del content["variants"]["base"]["steps"]
    (tmp_path / "mine.json").write_text(json.dumps(content))
    with pytest.raises(StudioError, match="'mine' cannot be used: KeyError 'steps'"):
        families.read("mine", tmp_path)


def test_a_node_class_has_one_package_and_an_install_command() -> None:
    names = [name for _, classes in node_packages.packages() for name in classes]
    assert len(names) == len(set(names))
    found = node_packages.package_of("UltralyticsDetectorProvider")
    assert found is not None
    assert found.install == "comfy node install comfyui-impact-subpack"
    assert node_packages.package_of("KSampler") is None
    assert not set(names) & node_packages.editor_only()
