"""The low-rank pairs that are trained, all of them in one flat array.

The optimizer moves one array and a checkpoint stores one; the networks see matrices. Each trained
layer has its frozen weight and its pair side by side in one matrix, so that a layer with a pair
costs one product of a few columns more, and not two products.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ategnatos.starter.lora import Network, Target
from ategnatos.starter.model import NetworkWeights
from ategnatos.starter.tensors import FloatArray
from ategnatos.starter.training.draws import Draws
from ategnatos.starter.weights import Weights

_TEXT = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
_RESNETS = (".resnets.", ".downsamplers.", ".upsamplers.")


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer to train: the shape of its weight in torch's layout, and its pair's size."""

    shape: tuple[int, ...]
    rank: int
    alpha: float


def trained_layers(
    shapes: Mapping[Target, tuple[int, ...]],
    rank: int,
    alpha: float,
    convolution: tuple[int, float] | None = None,
    text_encoder: bool = False,
) -> dict[Target, Layer]:
    """The layers of a model that get a pair, as sd-scripts chooses them.

    The linear layers of the transformers do; with ``convolution`` (rank, alpha) those of the
    resnets too, whose 3x3 convolutions have that size and whose other layers have the common one.
    """
    chosen: dict[Target, Layer] = {}
    for (network, name), shape in shapes.items():
        if network == "text_encoder":
            trained = text_encoder and name.endswith(_TEXT)
        else:
            in_resnet = any(part in name for part in _RESNETS)
            trained = ".attentions." in name or (convolution is not None and in_resnet)
        if trained:
            wide = convolution is not None and math.prod(shape[2:]) > 1
            chosen[network, name] = Layer(
                shape, *(convolution if wide and convolution else (rank, alpha))
            )
    return chosen


@dataclass(frozen=True, slots=True)
class Adapter:
    """One pair and its layer.

    ``down`` (window * in, rank) and ``up`` (rank, out) are views of the flat parameters, rows in
    the order of ``Weights.matrix``. ``forward`` (out + rank, window * in) is the frozen weight
    above the pair's down, ``backward`` (window * (out + rank), in) the same for the way back of a
    3x3 convolution. ``scale`` is alpha / rank.
    """

    shape: tuple[int, ...]
    scale: float
    down: FloatArray
    up: FloatArray
    places: tuple[slice, slice]
    forward: FloatArray
    backward: FloatArray | None

    @property
    def outputs(self) -> int:
        """Channels that the layer gives."""
        return self.shape[0]

    def gradients(self, flat: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Where the gradients of down and up lie in a flat array of gradients; views."""
        down, up = (flat[place] for place in self.places)
        return down.reshape(self.down.shape), up.reshape(self.up.shape)

    def refresh(self) -> None:
        """Take the pair's present values into the matrices."""
        self.forward[self.outputs :] = self.down.T
        if self.backward is not None:
            inputs = self.shape[1]
            ways = self.down.reshape(9, inputs, -1)[::-1].transpose(0, 2, 1)
            self.backward.reshape(9, -1, inputs)[:, self.outputs :] = ways

    def pair(self, flat: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Down (rank, in[, h, w]) and up (out, rank[, 1, 1]) as torch lays them out; copies.

        ``flat`` are the parameters to take them from (the trained ones or an average).
        """
        down, up = self.gradients(flat)
        rank, inputs, window = down.shape[1], self.shape[1], self.shape[2:]
        as_stored = down.reshape(-1, inputs, rank).transpose(2, 1, 0)
        return (
            np.ascontiguousarray(as_stored).reshape(rank, inputs, *window),
            np.ascontiguousarray(up.T).reshape(self.shape[0], rank, *(1 for _ in window)),
        )


class Adapters:
    """Every trained pair. ``parameters`` (n,) is the one flat array behind them."""

    def __init__(
        self,
        weights: NetworkWeights,
        layers: Mapping[Target, Layer],
    ) -> None:
        sizes = [_sizes(layer) for layer in layers.values()]
        self.parameters: FloatArray = np.zeros(sum(map(sum, sizes)), np.float32)
        self._by_target: dict[Target, Adapter] = {}
        start = 0
        for (target, layer), (down_size, up_size) in zip(layers.items(), sizes, strict=True):
            places = (
                slice(start, start + down_size),
                slice(start + down_size, start + down_size + up_size),
            )
            start += down_size + up_size
            network: Weights = getattr(weights, target[0])
            matrix = network.matrix(f"{target[1]}.weight")
            self._by_target[target] = Adapter(
                layer.shape,
                layer.alpha / layer.rank,
                self.parameters[places[0]].reshape(-1, layer.rank),
                self.parameters[places[1]].reshape(layer.rank, -1),
                places,
                _forward(matrix, layer.rank),
                _backward(matrix, layer.rank) if math.prod(layer.shape[2:]) == 9 else None,
            )

    def __len__(self) -> int:
        return len(self._by_target)

    def items(self) -> Iterator[tuple[Target, Adapter]]:
        """Layers and their pairs, in the order of the flat array."""
        return iter(self._by_target.items())

    def of(self, network: Network) -> dict[str, Adapter]:
        """The pairs of one network by layer."""
        return {layer: pair for (home, layer), pair in self._by_target.items() if home == network}

    def begin(self, draws: Draws) -> None:
        """Start values: down uniform in +-1/sqrt(inputs) as torch's layers are, up zero."""
        self.parameters[:] = 0
        for adapter in self._by_target.values():
            bound = np.float32(1 / math.sqrt(len(adapter.down)))
            uniform = draws.uniform(adapter.down.size).astype(np.float32)
            adapter.down[...] = ((2 * uniform - 1) * bound).reshape(adapter.down.shape)
        self.refresh()

    def refresh(self) -> None:
        """Take the parameters' present values into every layer's matrices."""
        for adapter in self._by_target.values():
            adapter.refresh()


def _sizes(layer: Layer) -> tuple[int, int]:
    return math.prod(layer.shape[1:]) * layer.rank, layer.shape[0] * layer.rank


def _forward(matrix: FloatArray, rank: int) -> FloatArray:
    inputs, outputs = matrix.shape
    both = np.zeros((outputs + rank, inputs), np.float32)
    both[:outputs] = matrix.T
    return both


def _backward(matrix: FloatArray, rank: int) -> FloatArray:
    both = np.zeros((9, matrix.shape[1] + rank, len(matrix) // 9), np.float32)
    both[:, : matrix.shape[1]] = turned(matrix)
    return both.reshape(-1, len(matrix) // 9)


def turned(matrix: FloatArray) -> FloatArray:
    """A 3x3 convolution's matrix (9 * in, out) as that of the way back: (9, out, in), mirrored."""
    return matrix.reshape(9, len(matrix) // 9, -1)[::-1].transpose(0, 2, 1)
