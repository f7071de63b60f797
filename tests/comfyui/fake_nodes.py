"""What the nodes of the stateful fake compute: pictures whose colour comes from their inputs.

Every value is a digest of everything that it was made from, so that another seed, prompt or
picture going in is another picture coming out, and the same graph is the same pixels. A class
that is not listed here computes the digest and nothing else: any graph can be run.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from PIL import Image, PngImagePlugin

if TYPE_CHECKING:
    from tests.comfyui.fake import FakeComfyUI, Run

SAVES = {"SaveImage", "PreviewImage", "SaveAnimatedWEBP", "VHS_VideoCombine", "SaveImageWebsocket"}


class NodeError(Exception):
    """A node raised; ``kind`` is the exception type that the server names."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class InterruptedRunError(Exception):
    """Somebody asked the server to stop this run."""


@dataclass(frozen=True)
class Value:
    """What a node gives to the next: its digest, its size, and a picture where it has one."""

    digest: str
    width: int = 64
    height: int = 64
    batch: int = 1
    picture: Image.Image | None = None
    blocked: str | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    def frames(self) -> list[Image.Image]:
        """The pictures of the batch, flat colours where none was loaded or composed."""
        if self.picture is not None:
            return [self.picture] * self.batch
        made = []
        for index in range(self.batch):
            colour = hashlib.sha256(f"{self.digest}{index}".encode()).digest()
            made.append(Image.new("RGB", (self.width, self.height), tuple(colour[:3])))
        return made


def digest_of(class_type: str, literals: dict[str, Any], upstream: list[str]) -> str:
    """The identity of a node's output; where a file is saved does not matter."""
    told = {key: value for key, value in literals.items() if key != "filename_prefix"}
    text = json.dumps([class_type, told, upstream], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


async def compute(
    server: FakeComfyUI, run: Run, node: str, inputs: dict[str, Any]
) -> tuple[Value, dict[str, Any] | None]:
    """A node's value and its ``ui`` output, None where it has none.

    ``inputs`` are literals and the :class:`Value` of each link. Raises NodeError,
    InterruptedRunError.
    """
    class_type = run.graph[node]["class_type"]
    values = {key: value for key, value in inputs.items() if isinstance(value, Value)}
    literals = {key: value for key, value in inputs.items() if not isinstance(value, Value)}
    digest = digest_of(class_type, literals, [values[key].digest for key in sorted(values)])
    blocked = next((value for value in values.values() if value.blocked is not None), None)
    if blocked is not None:
        return replace(blocked, digest=digest), None
    base = next(iter(values.values()), Value(digest))
    size = {
        name: int(literals[key])
        for name, key in (("width", "width"), ("height", "height"), ("batch", "batch_size"))
        if isinstance(literals.get(key), int | float)
    }
    # The picture itself is only carried by nodes that pass it on unchanged.
    value = replace(base, digest=digest, picture=None, **size)
    special = _SPECIAL.get(class_type)
    return (value, None) if special is None else await special(server, run, node, inputs, value)


Special = Callable[
    ["FakeComfyUI", "Run", str, dict[str, Any], Value],
    Awaitable[tuple[Value, dict[str, Any] | None]],
]


async def _save_image(
    server: FakeComfyUI, run: Run, node: str, inputs: dict[str, Any], value: Value
) -> tuple[Value, dict[str, Any] | None]:
    temporary = run.graph[node]["class_type"] == "PreviewImage"
    kind = "temp" if temporary else "output"
    prefix = str(inputs.get("filename_prefix", "ComfyUI_temp_fake"))
    entries = []
    for picture in inputs["images"].frames():
        texts = PngImagePlugin.PngInfo()
        texts.add_text("prompt", json.dumps(run.graph))
        for key, extra in run.extra_data.get("extra_pnginfo", {}).items():
            texts.add_text(key, json.dumps(extra))
        output = io.BytesIO()
        picture.save(output, "PNG", pnginfo=texts, compress_level=1)
        entries.append(server.store(kind, prefix, "png", output.getvalue()))
    return value, {"images": entries}


async def _save_animation(
    server: FakeComfyUI, run: Run, node: str, inputs: dict[str, Any], value: Value
) -> tuple[Value, dict[str, Any] | None]:
    output = io.BytesIO()
    first, *rest = inputs["images"].frames()
    first.save(output, "WEBP", save_all=True, append_images=rest, duration=100, lossless=True)
    entry = server.store("output", str(inputs["filename_prefix"]), "webp", output.getvalue())
    return value, {"images": [entry], "animated": [True]}


async def _save_video(
    server: FakeComfyUI, run: Run, node: str, inputs: dict[str, Any], value: Value
) -> tuple[Value, dict[str, Any] | None]:
    entry = server.store("output", str(inputs["filename_prefix"]), "mp4", tiny_mp4(value.digest))
    # The key differs between save nodes of the wild: "gifs" is that of VideoHelperSuite.
    return value, {"gifs": [{**entry, "format": "video/h264-mp4", "frame_rate": 8.0}]}


async def _save_over_the_socket(
    server: FakeComfyUI, run: Run, node: str, inputs: dict[str, Any], value: Value
) -> tuple[Value, dict[str, Any] | None]:
    frames = inputs["images"].frames()
    for index, picture in enumerate(frames):
        await server.tell_progress(run, node, index, len(frames))
        output = io.BytesIO()
        picture.save(output, "PNG", compress_level=0)
        data = (1).to_bytes(4, "big") + (2).to_bytes(4, "big") + output.getvalue()
        await server.send_bytes(run, data)
    return value, None


async def _sample(
    server: FakeComfyUI, run: Run, node: str, inputs: dict[str, Any], value: Value
) -> tuple[Value, dict[str, Any] | None]:
    latent = inputs.get("latent_image")
    if isinstance(latent, Value):
        value = replace(value, width=latent.width, height=latent.height, batch=latent.batch)
    steps = int(inputs.get("steps", 1))
    for step in range(1, steps + 1):
        await server.work(run, server.step_seconds)
        await server.tell_progress(run, node, step, steps)
        await server.send_preview(run, node)
    return value, None


async def _load_image(
    server: FakeComfyUI, run: Run, node: str, inputs: dict[str, Any], value: Value
) -> tuple[Value, dict[str, Any] | None]:
    name = str(inputs["image"]).removesuffix(" [input]")
    data = server.files[("input", *_split(name))]
    try:
        picture = Image.open(io.BytesIO(data))
        picture.load()
    except OSError as error:
        raise NodeError("PIL.UnidentifiedImageError", str(error)) from error
    digest = hashlib.sha256(data).hexdigest()
    return Value(digest, picture.width, picture.height, 1, picture.convert("RGB")), None


async def _pass_picture(
    server: FakeComfyUI, run: Run, node: str, inputs: dict[str, Any], value: Value
) -> tuple[Value, dict[str, Any] | None]:
    source = inputs.get("pixels") or inputs.get("samples") or inputs.get("image")
    assert isinstance(source, Value)
    return replace(source, digest=value.digest), None


async def _composite(
    server: FakeComfyUI, run: Run, node: str, inputs: dict[str, Any], value: Value
) -> tuple[Value, dict[str, Any] | None]:
    below, above = inputs["destination"].frames()[0], inputs["source"].frames()[0]
    made = below.copy()
    mask = inputs.get("mask")
    shape = None if mask is None else mask.frames()[0].convert("L").resize(above.size)
    made.paste(above, (int(inputs.get("x", 0)), int(inputs.get("y", 0))), shape)
    return Value(value.digest, made.width, made.height, 1, made), None


async def _sleep(
    server: FakeComfyUI, run: Run, node: str, inputs: dict[str, Any], value: Value
) -> tuple[Value, dict[str, Any] | None]:
    ticks = int(inputs.get("ticks", 10))
    for tick in range(1, ticks + 1):
        await server.work(run, float(inputs["seconds"]) / ticks)
        await server.tell_progress(run, node, tick, ticks)
        if tick == server.held_at:
            await server.stay(run)
    return value, None


async def _hang(
    server: FakeComfyUI, run: Run, node: str, inputs: dict[str, Any], value: Value
) -> tuple[Value, dict[str, Any] | None]:
    """Silent until the test lets it go on; it does not look at the interrupt flag."""
    server.hanging.set()
    await server.release.wait()
    return value, None


async def _raise(
    server: FakeComfyUI, run: Run, node: str, inputs: dict[str, Any], value: Value
) -> tuple[Value, dict[str, Any] | None]:
    kind = inputs["kind"]
    if kind == "value":
        raise NodeError("ValueError", "the picture is of the wrong kind")
    if kind == "oom":
        raise NodeError(
            "torch.OutOfMemoryError",
            "Allocation on device 0 would exceed allowed memory. (out of memory)\n"
            "Currently allocated     : 22.10 GiB\nRequested               : 9.00 GiB",
        )
    return replace(value, blocked="no face was found" if kind == "block" else ""), None


async def _say(
    server: FakeComfyUI, run: Run, node: str, inputs: dict[str, Any], value: Value
) -> tuple[Value, dict[str, Any] | None]:
    name, text = node.encode(), f"working on: {inputs['text']}".encode()
    await server.send_bytes(
        run, (3).to_bytes(4, "big") + len(name).to_bytes(4, "big") + name + text
    )
    return value, {"text": [inputs["text"]]}


def _split(name: str) -> tuple[str, str]:
    folder, _, file = name.rpartition("/")
    return folder, file


def tiny_mp4(mark: str) -> bytes:
    """The smallest file whose boxes are those of a video: ftyp, moov, mdat."""

    def box(kind: bytes, content: bytes) -> bytes:
        return (8 + len(content)).to_bytes(4, "big") + kind + content

    return (
        box(b"ftyp", b"isom\x00\x00\x02\x00isomiso2mp41")
        + box(b"moov", box(b"mvhd", bytes(100)))
        + box(b"mdat", mark.encode())
    )


_SPECIAL: dict[str, Special] = {
    "SaveImage": _save_image,
    "PreviewImage": _save_image,
    "SaveAnimatedWEBP": _save_animation,
    "VHS_VideoCombine": _save_video,
    "SaveImageWebsocket": _save_over_the_socket,
    "KSampler": _sample,
    "KSamplerAdvanced": _sample,
    "LoadImage": _load_image,
    "LoadImageMask": _load_image,
    "VAEEncode": _pass_picture,
    "ImageToMask": _pass_picture,
    "ImageCompositeMasked": _composite,
    "ProbeSleep": _sleep,
    "ProbeHang": _hang,
    "ProbeRaise": _raise,
    "ProbeText": _say,
}
