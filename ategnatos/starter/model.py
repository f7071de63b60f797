"""The model folder as one thing: networks, weights, tokenizer, schedule and their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from ategnatos.grimoire.errors import StudioError
from ategnatos.starter.configuration import damaged
from ategnatos.starter.errors import STARTER_WEIGHTS
from ategnatos.starter.lora import Lora, LoraWeight, Network, Target, changes, read_lora
from ategnatos.starter.sampler import NoiseSchedule
from ategnatos.starter.tensors import TensorFile
from ategnatos.starter.text_encoder import TextEncoder
from ategnatos.starter.tokenizer import Tokenizer
from ategnatos.starter.unet import UNet
from ategnatos.starter.vae import Autoencoder
from ategnatos.starter.weights import Weights

SHIPPED = Path(__file__).parent / "weights"
_UNET_FILE = Path("unet") / "diffusion_pytorch_model.safetensors"
_TEXT_FILE = Path("text_encoder") / "model.safetensors"
_VAE_FILE = Path("vae") / "diffusion_pytorch_model.safetensors"
# What a picture depends on; documentation beside it does not change the hash.
_HASHED_ENDINGS = (".json", ".txt", ".safetensors")


@dataclass(frozen=True, slots=True)
class NetworkWeights:
    """The weights of one pass: the model's own, or a copy with LoRAs merged into it."""

    unet: Weights
    text_encoder: Weights
    autoencoder: Weights


class StarterModel:
    """A model in the stock Stable Diffusion layout, ready to compute with.

    ``folder`` holds unet/, text_encoder/, vae/, tokenizer/ and scheduler/. Tensors are read when
    first used. Raises StudioError (``starter_weights``) when a file is missing, damaged or asks
    for an option that is not implemented.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise StudioError(
                STARTER_WEIGHTS,
                f"The starter model is not there: {folder} is no folder. Nothing was made.",
                hint="Install the package again: pip install --force-reinstall ategnatos",
                folder=str(folder),
            )
        self.folder = folder
        self.unet = UNet(folder)
        self.text_encoder = TextEncoder(folder)
        self.autoencoder = Autoencoder(folder)
        self.schedule = NoiseSchedule(folder)
        self.tokenizer = Tokenizer(folder)
        self._files = {
            "unet": _open(folder / _UNET_FILE),
            "text_encoder": _open(folder / _TEXT_FILE),
            "vae": _open(folder / _VAE_FILE),
        }
        self.weights = NetworkWeights(
            unet=Weights(self._files["unet"]),
            text_encoder=Weights(self._files["text_encoder"]),
            autoencoder=Weights(self._files["vae"]),
        )

    @cached_property
    def sha256(self) -> str:
        """Hash of the model: SHA-256 over the names and the SHA-256 of its files, sorted."""
        total = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.suffix in _HASHED_ENDINGS:
                name = path.relative_to(self.folder).as_posix()
                with path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
                total.update(f"{content}  {name}\n".encode())
        return total.hexdigest()

    @cached_property
    def lora_targets(self) -> dict[Target, tuple[int, ...]]:
        """Layers that a LoRA may change, with the shapes of their weights."""
        networks: tuple[Network, ...] = ("unet", "text_encoder")
        targets: dict[Target, tuple[int, ...]] = {}
        for network in networks:
            file = self._files[network]
            for name in file:
                layer, _, kind = name.rpartition(".")
                shape = file.shape(name)
                if kind == "weight" and len(shape) > 1 and not layer.endswith("_embedding"):
                    targets[network, layer] = shape
        return targets

    def read_loras(self, loras: Sequence[LoraWeight]) -> list[tuple[Lora, float]]:
        """The LoRA files, each matched to this model. Raises StudioError (``starter_lora``)."""
        return [(read_lora(use.path, self.lora_targets), use.weight) for use in loras]

    def with_loras(self, loras: Sequence[tuple[Lora, float]]) -> NetworkWeights:
        """The weights with LoRAs merged in; the model itself is unchanged."""
        unet = changes(loras, "unet", self.lora_targets)
        text_encoder = changes(loras, "text_encoder", self.lora_targets)
        return NetworkWeights(
            unet=self.weights.unet.with_changes(unet) if unet else self.weights.unet,
            text_encoder=self.weights.text_encoder.with_changes(text_encoder)
            if text_encoder
            else self.weights.text_encoder,
            autoencoder=self.weights.autoencoder,
        )


def load_model(folder: Path | None = None) -> StarterModel:
    """The model in ``folder``, the shipped one unless told, loaded once a process.

    Raises StudioError (``starter_weights``).
    """
    return _loaded(folder or SHIPPED)


@cache
def _loaded(folder: Path) -> StarterModel:
    return StarterModel(folder)


def _open(path: Path) -> TensorFile:
    try:
        return TensorFile(path)
    except (OSError, ValueError) as error:
        raise damaged(path, str(error)) from error
