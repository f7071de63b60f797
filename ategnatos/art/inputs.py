"""Pictures and LoRAs that an order starts from: checked when they come in, kept by their hash."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_bytes, sha256_file, write_atomic
from ategnatos.grimoire.zones import Zone, resolve

if TYPE_CHECKING:
    from ategnatos.engines import LoraUse
    from ategnatos.grimoire.project import Project

INPUT_FILE = ErrorCode("input_file", "A file that was named cannot be read.")
INPUT_LOST = ErrorCode("input_lost", "A picture that the job was made from is gone.")
LORA_WEIGHT = ErrorCode("lora_weight", "A LoRA was not named in a form we read.")

MAX_INPUT_BYTES = 64 * 1024 * 1024
MAX_HEADER_BYTES = 16 * 1024 * 1024


def read_picture(path: Path) -> bytes:
    """The bytes of a picture file. Raises StudioError (``input_file``, ``picture_*``)."""
    from ategnatos.pictures.decode import decode_picture

    try:
        size = path.stat().st_size
        if not path.is_file() or size > MAX_INPUT_BYTES:
            raise StudioError(
                INPUT_FILE,
                f"{path} is not a picture file of at most {MAX_INPUT_BYTES // 2**20} MB; "
                "nothing was made.",
                hint="Name a PNG, JPEG or WebP file.",
                path=str(path),
            )
        data = path.read_bytes()
    except OSError as error:
        raise StudioError(
            INPUT_FILE,
            f"{path} cannot be read ({error.strerror}); nothing was made.",
            hint="Check the name; paths are taken from where you are.",
            path=str(path),
        ) from error
    decode_picture(data, name=path.name)
    return data


def read_workflow(path: Path) -> str:
    """The text of a workflow file. Raises StudioError (``input_file``)."""
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_INPUT_BYTES else b""
        text = _workflow_text(data)
    except (OSError, UnicodeDecodeError) as error:
        raise StudioError(
            INPUT_FILE,
            f"The workflow {path} cannot be read ({error}); nothing was made.",
            hint="Name a file exported with ComfyUI's Workflow > Export (API), or a PNG it made.",
            path=str(path),
        ) from error
    if not text.strip():
        raise StudioError(
            INPUT_FILE,
            f"{path} holds no workflow; nothing was made.",
            hint="Name a file exported with ComfyUI's Workflow > Export (API), or a PNG it made.",
            path=str(path),
        )
    return text


def _workflow_text(data: bytes) -> str:
    """The text itself, or the one inside a PNG (the chunk that ComfyUI calls ``prompt``)."""
    from ategnatos.pictures.png_chunks import PNG_SIGNATURE

    if not data.startswith(PNG_SIGNATURE):
        return data.decode("utf-8")
    from ategnatos.pictures.metadata import read_raw_texts

    texts, _ = read_raw_texts(data)
    return texts.get("prompt", "")


def keep_input(project: Project, data: bytes) -> Path:
    """Store an input (a picture, a workflow) under its hash, so that the job can be made again."""
    path = _input_path(project, sha256_bytes(data))
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)
    return path


def find_input(project: Project, sha256: str | None, job: str) -> bytes | None:
    """A stored input by its hash; None for None. Raises StudioError (``input_lost``)."""
    if sha256 is None:
        return None
    path = _input_path(project, sha256)
    if path.is_file():
        data = path.read_bytes()
        if sha256_bytes(data) == sha256:
            return data
    raise StudioError(
        INPUT_LOST,
        f"The picture that {job} started from ({sha256[:16]}) is no longer in "
        "workspace/outputs/inputs; nothing was made.",
        hint="Bring it back from a backup, or generate anew with --init FILE.",
        job=job,
        sha256=sha256,
    )


def parse_lora(text: str) -> LoraUse:
    """``FILE`` or ``FILE:0.8`` as a LoRA with its hash and the trigger it names.

    Raises StudioError (``lora_weight``, ``input_file``).
    """
    from ategnatos.engines import LoraUse

    name, weight = text, 1.0
    head, colon, tail = text.rpartition(":")
    if colon and "/" not in tail and not Path(text).is_file():
        try:
            name, weight = head, float(tail)
        except ValueError as error:
            raise _bad_weight(text) from error
    if not -4.0 <= weight <= 4.0:
        raise _bad_weight(text)
    path = Path(name).expanduser().resolve()
    if not path.is_file():
        raise StudioError(
            INPUT_FILE,
            f"There is no LoRA file {name}; nothing was made.",
            hint="Name a .safetensors file, like --lora owl.safetensors:0.8",
            path=name,
        )
    trigger = _trigger(path)
    return LoraUse(path.stem, str(path), weight, sha256_file(path), trigger)


def _trigger(path: Path) -> str:
    """The trigger words in the file's header (the standard key ``modelspec.trigger_phrase``)."""
    import json

    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > MAX_HEADER_BYTES:
                raise ValueError("its header is too long")
            header = json.loads(file.read(length))
            facts = header.get("__metadata__", {})
    except (ValueError, AttributeError) as error:
        raise StudioError(
            INPUT_FILE,
            f"{path} is not a safetensors file ({error}); nothing was made.",
            hint="LoRAs are read from .safetensors files only.",
            path=str(path),
        ) from error
    return str(facts.get("modelspec.trigger_phrase", ""))


def _bad_weight(text: str) -> StudioError:
    return StudioError(
        LORA_WEIGHT,
        f"{text!r} names no LoRA with a weight from -4 to 4; nothing was made.",
        hint="Write the file and its weight, like --lora owl.safetensors:0.8",
        given=text,
    )


def _input_path(project: Project, sha256: str) -> Path:
    return resolve(project, Zone.WORKSPACE, f"outputs/inputs/{sha256}")
