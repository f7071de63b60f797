"""The model folder as one thing: networks, weights, tokenizer, schedule and their hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from ategnatos.starter import description
from ategnatos.starter.configuration import damaged
from ategnatos.starter.description import WEIGHT_FILES, Description
from ategnatos.starter.lora import Lora, Network, Target, changes, read_lora
from ategnatos.starter.request import LoraWeight
from ategnatos.starter.sampler import NoiseSchedule
from ategnatos.starter.tensors import TensorFile
from ategnatos.starter.text_encoder import TextEncoder
from ategnatos.starter.unet import UNet
from ategnatos.starter.vae import Autoencoder
from ategnatos.starter.weights import Weights


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
        self.description = Description(folder)
        self.unet = UNet(folder)
        self.text_encoder = TextEncoder(folder)
        self.autoencoder = Autoencoder(folder)
        self.schedule = NoiseSchedule(folder)
        self.tokenizer = self.description.tokenizer
        self._files = {name: _open(folder / file) for name, file in WEIGHT_FILES.items()}
        self.weights = NetworkWeights(
            unet=Weights(self._files["unet"]),
            text_encoder=Weights(self._files["text_encoder"]),
            autoencoder=Weights(self._files["vae"]),
        )

    @property
    def sha256(self) -> str:
        """Hash of the model; see :class:`~ategnatos.starter.description.Description`."""
        return self.description.sha256

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
    return _loaded(folder or description.SHIPPED)


@cache
def _loaded(folder: Path) -> StarterModel:
    return StarterModel(folder)


def _open(path: Path) -> TensorFile:
    try:
        return TensorFile(path)
    except (OSError, ValueError) as error:
        raise damaged(path, str(error)) from error
