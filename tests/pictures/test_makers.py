"""Whoever made a picture, its file says it in the same words afterwards; and hostile ones say it.

The texts are laid out as the programs themselves write them: InvokeAI's pngwriter and core
metadata, ComfyUI's _ui.py and a graph that a recorded server wrote, and what published readers
of NovelAI, Fooocus, SwarmUI, Easy Diffusion and Draw Things expect.
"""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ategnatos.pictures import metadata
from ategnatos.pictures.inspect import picture_info
from ategnatos.pictures.makers import accounts, comfyui

USER_COMMENT = 0x9286
EXIF_IFD = 0x8769

GRAPH: dict[str, Any] = {
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "mini.safetensors"}},
    "10": {
        "class_type": "LoraLoader",
        "inputs": {"lora_name": "owl.safetensors", "strength_model": 0.8, "model": ["4", 0]},
    },
    "5": {
        "class_type": "EmptyLatentImage",
        "inputs": {"width": 64, "height": 96, "batch_size": 1},
    },
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lighthouse", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 18446744073709551615,
            "steps": 2,
            "cfg": 7.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
            "model": ["10", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}},
}
GRAPH_SETTINGS = {
    "model": "mini.safetensors",
    "loras": [{"name": "owl.safetensors", "weight": 0.8}],
    "seed": 18446744073709551615,
    "steps": 2,
    "cfg": 7.0,
    "sampler": "euler",
    "scheduler": "normal",
    "strength": 1.0,
    "width": 64,
    "height": 96,
}
EDITOR: dict[str, Any] = {
    "version": 0.4,
    "nodes": [
        {
            "id": 3,
            "type": "KSampler",
            "mode": 0,
            "inputs": [
                {"name": "positive", "type": "CONDITIONING", "link": 1},
                {"name": "negative", "type": "CONDITIONING", "link": 2},
            ],
            "widgets_values": [7, "randomize", 20, 6.5, "euler", "karras", 1],
        },
        {"id": 6, "type": "CLIPTextEncode", "mode": 0, "widgets_values": ["an owl"]},
        {"id": 7, "type": "CLIPTextEncode", "mode": 0, "widgets_values": ["text"]},
        {"id": 8, "type": "KSampler", "mode": 4, "widgets_values": [1, "fixed", 1, 1, "x", "y", 1]},
    ],
    "links": [[1, 6, 0, 3, 0, "CONDITIONING"], [2, 7, 0, 3, 1, "CONDITIONING"]],
}
WEBUI = (
    "an owl <lora:owl:0.8>\nNegative prompt: blurry\nSteps: 20, Sampler: DPM++ 2M, "
    "Schedule type: Karras, CFG scale: 7, Seed: 42, Size: 512x768, Model hash: 6ce0161689, "
    'Model: v1-5, Denoising strength: 0.5, Clip skip: 2, Lora hashes: "owl: abc", Version: v1.10.1'
)
INVOKE = {
    "generation_mode": "sdxl_txt2img",
    "positive_prompt": "an owl",
    "negative_prompt": "blurry",
    "width": 1024,
    "height": 768,
    "seed": 7,
    "cfg_scale": 7.5,
    "steps": 30,
    "scheduler": "euler_a",
    "model": {"key": "k", "hash": "blake3:1", "name": "sdxl", "base": "sdxl", "type": "main"},
    "loras": [{"model": {"name": "owl", "key": "x"}, "weight": 0.75}],
    "app_version": "6.0.0",
}
SD_METADATA = {
    "model": "stable diffusion",
    "model_weights": "stable-diffusion-1.5",
    "model_hash": "cc6cb27103417325ff94f52b7a5d2dde45a7515b25c255d8e396c90014281516",
    "app_version": "2.3.5",
    "image": {
        "prompt": [{"prompt": "an owl [blurry, dark]", "weight": 1.0}],
        "steps": 50,
        "cfg_scale": 7.5,
        "seed": 99,
        "sampler": "k_lms",
        "width": 512,
        "height": 512,
    },
}
DREAM = '"an owl [blurry]" -s50 -W512 -H640 -C7.5 -Ak_lms -S99'
NOVELAI = {
    "Title": "AI generated image",
    "Software": "NovelAI",
    "Source": "NovelAI Diffusion V4 37442FCA",
    "Description": "an owl",
    "Comment": json.dumps(
        {"uc": "blurry", "steps": 28, "scale": 5.0, "seed": 5, "sampler": "k_euler", "width": 832}
    ),
}
FOOOCUS = {
    "prompt": "an owl",
    "negative_prompt": "blurry",
    "base_model": "juggernaut",
    "base_model_hash": "aeb7e9e689",
    "guidance_scale": 4,
    "resolution": "(1152, 896)",
    "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras",
    "seed": "123",
    "steps": 30,
    "loras": [["offset.safetensors", 0.1, "4852686128"]],
}
SWARM = {
    "sui_image_params": {
        "prompt": "an owl",
        "negativeprompt": "blurry",
        "model": "sdxl/base",
        "seed": 1,
        "steps": 20,
        "cfgscale": 7.0,
        "width": 1024,
        "height": 1024,
    }
}
EASY = {
    "prompt": "an owl",
    "negative_prompt": "blurry",
    "seed": "3",
    "use_stable_diffusion_model": "C:\\models\\sd-v1-5",
    "sampler_name": "euler_a",
    "num_inference_steps": "25",
    "guidance_scale": "7.5",
    "width": "512",
    "height": "512",
}
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:UserComment><rdf:Alt>'
    '<rdf:li xml:lang="x-default">{&quot;c&quot;:&quot;an owl&quot;,&quot;uc&quot;:&quot;blurry'
    "&quot;,&quot;seed&quot;:4,&quot;steps&quot;:8,&quot;scale&quot;:1.5,&quot;size&quot;:"
    "&quot;512x768&quot;,&quot;model&quot;:&quot;sd.ckpt&quot;}</rdf:li></rdf:Alt>"
    "</exif:UserComment></x:xmpmeta>"
)

ACCOUNTS: list[tuple[dict[str, str], str, dict[str, Any]]] = [
    (
        {"parameters": WEBUI},
        "web UI (A1111)",
        {"seed": 42, "steps": 20, "cfg": 7.0, "scheduler": "Karras", "width": 512, "height": 768}
        | {"loras": [{"name": "owl", "weight": 0.8}], "clip_skip": 2, "strength": 0.5}
        | {"model_hash": "6ce0161689"},
    ),
    ({"prompt": json.dumps(GRAPH)}, "ComfyUI", GRAPH_SETTINGS),
    (
        {"workflow": json.dumps(EDITOR)},
        "ComfyUI",
        {"seed": 7, "steps": 20, "cfg": 6.5, "sampler": "euler", "scheduler": "karras"},
    ),
    (
        {"invokeai_metadata": json.dumps(INVOKE)},
        "InvokeAI",
        {"model": "sdxl", "seed": 7, "steps": 30, "cfg": 7.5, "sampler": "euler_a"}
        | {"family": "sdxl", "loras": [{"name": "owl", "weight": 0.75}], "model_hash": "blake3:1"},
    ),
    (
        {"sd-metadata": json.dumps(SD_METADATA), "Dream": DREAM},
        "InvokeAI",
        {"model": "stable-diffusion-1.5", "seed": 99, "steps": 50, "sampler": "k_lms"},
    ),
    (
        {"Dream": DREAM},
        "InvokeAI",
        {"seed": 99, "steps": 50, "cfg": 7.5, "sampler": "k_lms", "width": 512, "height": 640},
    ),
    (NOVELAI, "NovelAI", {"seed": 5, "steps": 28, "cfg": 5.0, "sampler": "k_euler"}),
    (
        {"parameters": json.dumps(FOOOCUS), "fooocus_scheme": "fooocus"},
        "Fooocus",
        {"seed": 123, "cfg": 4.0, "width": 1152, "height": 896, "model": "juggernaut"},
    ),
    ({"parameters": json.dumps(SWARM)}, "SwarmUI", {"seed": 1, "cfg": 7.0, "model": "sdxl/base"}),
    (EASY, "Easy Diffusion", {"seed": 3, "steps": 25, "cfg": 7.5, "model": "sd-v1-5"}),
    (
        {"XML:com.adobe.xmp": XMP},
        "Draw Things",
        {"seed": 4, "steps": 8, "cfg": 1.5, "width": 512, "height": 768},
    ),
]


@pytest.mark.parametrize(("texts", "tool", "said"), ACCOUNTS, ids=[a[1] for a in ACCOUNTS])
def test_every_program_is_read_in_the_same_words(
    samples: Any, texts: dict[str, str], tool: str, said: dict[str, Any]
) -> None:
    chunks = PngInfo()
    for keyword, text in texts.items():
        chunks.add_itxt(keyword, text)
    found = metadata.read(samples.encoded(samples.photo(), pnginfo=chunks))["making"]
    assert [one["tool"] for one in found] == [tool]
    settings_found = found[0]["settings"]
    assert said == {key: settings_found.get(key) for key in said}
    owl = tool != "ComfyUI" or "workflow" in texts
    assert found[0]["prompt"].startswith("an owl" if owl else "a lighthouse")
    negative = {"workflow": "text", "sd-metadata": "blurry, dark"}
    expected = next((negative[key] for key in negative if key in texts), "blurry")
    assert found[0]["negative"] == expected


def as_webp(samples: Any, exif: Image.Exif, kind: str = "WEBP") -> bytes:
    return samples.encoded(samples.photo(), kind, exif=exif)


def test_comfyui_webp_counts_down_from_the_model_tag(samples: Any) -> None:
    exif = Image.Exif()
    exif[0x0110] = f"prompt:{json.dumps(GRAPH)}"
    exif[0x010F] = f"workflow:{json.dumps(EDITOR)}"
    exif[0x010E] = f"extra:{json.dumps({'a': 1})}"
    found = metadata.read(as_webp(samples, exif))
    assert found["making"][0]["settings"] == GRAPH_SETTINGS
    assert found["comfyui"]["workflow"]["version"] == 0.4
    assert found["texts"]["extra"] == '{"a": 1}'


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le"])
def test_web_ui_text_in_exif(samples: Any, kind: str, order: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(EXIF_IFD)[USER_COMMENT] = b"UNICODE\0" + WEBUI.encode(order)
    found = metadata.read(as_webp(samples, exif, kind))["making"][0]
    assert (found["prompt"], found["settings"]["seed"]) == ("an owl <lora:owl:0.8>", 42)


def test_json_of_other_nodes_in_the_exif_comment(samples: Any) -> None:
    exif = Image.Exif()
    exif.get_ifd(EXIF_IFD)[USER_COMMENT] = b"ASCII\0\0\0" + json.dumps({"prompt": GRAPH}).encode()
    assert metadata.read(as_webp(samples, exif))["making"][0]["settings"]["steps"] == 2


def test_fooocus_jpeg_says_it_in_the_comment(samples: Any) -> None:
    data = samples.encoded(samples.photo(), "JPEG", comment=json.dumps(FOOOCUS).encode())
    assert metadata.read(data)["making"][0]["tool"] == "Fooocus"


def test_comfyui_animated_png(samples: Any) -> None:
    chunks = PngInfo()
    chunks.add(b"comf", b"prompt\0" + json.dumps(GRAPH).encode(), after_idat=True)
    data = samples.encoded(
        samples.photo(), pnginfo=chunks, save_all=True, append_images=[samples.photo(seed=2)]
    )
    assert metadata.read(data)["making"][0]["settings"] == GRAPH_SETTINGS


@pytest.mark.parametrize("magic", [b"stealth_pngcomp", b"stealth_pnginfo"])
def test_novelai_hides_its_texts_in_the_transparency(
    samples: Any, tmp_path: Path, magic: bytes
) -> None:
    body = json.dumps(NOVELAI).encode()
    if magic.endswith(b"comp"):
        body = gzip.compress(body)
    payload = magic + (8 * len(body)).to_bytes(4, "big") + body
    bits = np.unpackbits(np.frombuffer(payload, np.uint8))
    pixels = np.array(samples.photo(96, 96).convert("RGBA"))
    alpha = np.full(96 * 96, 254, np.uint8)
    alpha[: len(bits)] |= bits
    pixels[..., 3] = alpha.reshape(96, 96).T
    path = tmp_path / "hidden.png"
    Image.fromarray(pixels).save(path)
    assert picture_info(path).metadata["making"][0]["settings"]["seed"] == 5


def test_linked_values_are_followed_and_the_last_sampler_counts() -> None:
    graph = {
        **GRAPH,
        "20": {"class_type": "PrimitiveInt", "inputs": {"value": 5}},
        "21": {
            "class_type": "KSamplerAdvanced",
            "inputs": {**GRAPH["3"]["inputs"], "noise_seed": ["20", 0], "steps": 9}
            | {"latent_image": ["3", 0]},
        },
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["21", 0]}},
    }
    del graph["21"]["inputs"]["seed"]
    found = accounts({"prompt": json.dumps(graph)})[0]
    assert (found.settings["seed"], found.settings["steps"]) == (5, 9)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "nodes",
                    "links",
                    "inputs",
                    "class_type",
                    "widgets_values",
                    "prompt",
                    "image",
                    "model",
                    "loras",
                    "id",
                    "type",
                    "link",
                    "name",
                    "positive",
                    "negative",
                    "text",
                    "value",
                    "3",
                    "6",
                    "sui_image_params",
                    "definitions",
                    "subgraphs",
                    "use_stable_diffusion_model",
                    "negative_prompt",
                    "base_model",
                    "settings",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)
KEYWORDS = [
    "parameters",
    "prompt",
    "workflow",
    "invokeai_metadata",
    "sd-metadata",
    "Comment",
    "ategnatos",
]


@given(
    texts=st.dictionaries(
        st.sampled_from([*KEYWORDS, "Dream", "Software", "XML:com.adobe.xmp"]),
        JSON_VALUES.map(lambda value: json.dumps(value)) | st.text(max_size=200),
        max_size=4,
    ),
    novel=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_no_text_of_any_kind_is_too_much(texts: dict[str, str], novel: bool) -> None:
    if novel:
        texts = {**texts, "Software": "NovelAI"}
    found = metadata.understood(texts, [])
    # What was understood can be told to a machine, without the values that JSON has not.
    json.dumps(found.get("making", []), allow_nan=False)


def test_a_ring_of_links_ends() -> None:
    ring = {
        "1": {"class_type": "A", "inputs": {"text": ["2", 0], "positive": ["1", 0]}},
        "2": {"class_type": "B", "inputs": {"text": ["1", 0], "seed": ["2", 0]}},
    }
    assert accounts({"prompt": json.dumps(ring)}) == []
    assert comfyui.as_graph({"1": {"inputs": 7}, "2": "x"}) == {}


def test_a_large_graph_is_read_in_linear_time() -> None:
    graph: dict[str, Any] = {
        str(number): {"class_type": "Pass", "inputs": {"model": [str(number - 1), 0]}}
        for number in range(1, 4000)
    }
    graph["0"] = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "m"}}
    assert accounts({"prompt": json.dumps(graph)})[0].settings == {"model": "m"}


def test_our_own_candidate_reads_back_and_other_tools_read_it_too(samples: Any) -> None:
    made = {"prompt": "an owl", "negative": "blurry", "seed": 3, "steps": 9, "cfg": 2.5}
    png = metadata.embed(samples.encoded(samples.photo()), {"settings": made, "engine": "starter"})
    found = metadata.read(io.BytesIO(png).getvalue())["making"]
    assert [one["tool"] for one in found] == ["Ategnatos", "Ategnatos"]
    assert found[0]["settings"] == {"seed": 3, "steps": 9, "cfg": 2.5}
    assert found[1]["prompt"] == "an owl"


def test_a_subgraph_is_read_from_outside_and_then_from_inside() -> None:
    inner = {
        "id": "uuid",
        "nodes": [
            {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["inside"],
             "inputs": [{"name": "text", "link": 9}]},
            {"id": 3, "type": "KSampler", "inputs": [{"name": "positive", "link": 1}],
             "widgets_values": [7, "fixed", 20, 4.5, "euler", "simple", 1]},
        ],
        "links": [
            {"id": 1, "origin_id": 6, "target_id": 3},
            {"id": 9, "origin_id": -10, "target_id": 6},
        ],
    }  # fmt: skip
    outer: dict[str, Any] = {"id": 1, "type": "uuid", "widgets_values": []}
    document = {"nodes": [outer], "links": [], "definitions": {"subgraphs": [inner]}}
    found = accounts({"workflow": json.dumps(document)})[0]
    assert (found.prompt, found.settings["steps"], found.settings["seed"]) == ("inside", 20, 7)
    outer["widgets_values"] = ["outside", 5, "randomize"]
    outer["inputs"] = [
        {"name": "text", "widget": {"name": "text"}},
        {"name": "seed", "widget": {"name": "seed"}},
    ]
    found = accounts({"workflow": json.dumps(document)})[0]
    assert (found.prompt, found.settings["seed"]) == ("outside", 5)


def test_comfyuis_own_templates_say_their_settings() -> None:
    import comfyui_workflow_templates_json

    home = Path(comfyui_workflow_templates_json.__file__).parent
    files = sorted(home.rglob("image_*.json"))[::4]
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    found = [accounts({"workflow": json.dumps(one)}) for one in documents if isinstance(one, dict)]
    assert all(one and one[0].settings for one in found)
    assert sum(bool(one[0].prompt) for one in found) >= 0.8 * len(found)
