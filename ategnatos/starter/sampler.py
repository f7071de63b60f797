"""The sampler: DPM-Solver++ of order 1 or 2 on a model that predicts the velocity.

Source: Lu et al., DPM-Solver++ (arXiv 2211.01095), in the form of diffusers'
DPMSolverMultistepScheduler with thresholding, trailing time steps and a last sigma of zero.
Order 1 is DDIM.

The predicted picture is clipped to [-1, 1] and the noise computed again from the clipped one:
that is what solving for the picture does. Clipping without the second half ruins pictures under
guidance (kinds recognised: .18 against 1.00 with the same weights).
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ategnatos.starter.configuration import damaged, read_json, require
from ategnatos.starter.limits import SOLVER_ORDERS
from ategnatos.starter.tensors import FloatArray

_ONE_WAY = {
    "algorithm_type": "dpmsolver++",
    "beta_schedule": "squaredcos_cap_v2",
    "final_sigmas_type": "zero",
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": False,
    "sample_max_value": 1.0,
    "solver_type": "midpoint",
    "thresholding": True,
    "timestep_spacing": "trailing",
    "trained_betas": None,
    "use_beta_sigmas": False,
    "use_exponential_sigmas": False,
    "use_flow_sigmas": False,
    "use_karras_sigmas": False,
    "use_lu_lambdas": False,
    "variance_type": None,
}
_LARGEST_BETA = 0.999


class NoiseSchedule:
    """How much noise a picture holds at each of the training's time steps.

    Built from ``scheduler/scheduler_config.json`` of a model folder. Raises StudioError
    (``starter_weights``) for a schedule of another kind.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "scheduler" / "scheduler_config.json"
        config = read_json(path)
        require(path, config, _ONE_WAY)
        try:
            self.length = int(config["num_train_timesteps"])
            order = int(config["solver_order"])
            self.default_sampler = {number: name for name, number in SOLVER_ORDERS.items()}[order]
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path, f"{error} is missing or not understood") from error
        self.sigmas = _cosine_sigmas(self.length)


class Sampler:
    """One pass from noise to picture in ``steps`` steps, of which the first ones may be skipped.

    ``timesteps`` (steps,) are the training's time steps, falling; ``sigmas`` (steps + 1,) the
    ratio of noise to picture before each step and after the last. ``first`` is the step to
    start at. All arrays of pictures have any shape, the same in every call.
    """

    def __init__(self, schedule: NoiseSchedule, steps: int, order: int, first: int = 0) -> None:
        spacing = schedule.length / steps
        places = np.arange(schedule.length, 0, -spacing).round().astype(np.int64) - 1
        self.timesteps: npt.NDArray[np.int64] = places[:steps]
        self.sigmas = np.append(schedule.sigmas[self.timesteps], 0.0)
        self.first = first
        self._order = order
        self._previous: FloatArray | None = None

    def noisy(self, picture: FloatArray, noise: FloatArray, step: int) -> FloatArray:
        """``picture`` with as much ``noise`` as there is before ``step``; none after the last."""
        alpha, sigma = _parts(self.sigmas[step])
        mixed: FloatArray = np.float32(alpha) * picture + np.float32(sigma) * noise
        return mixed

    def step(self, step: int, sample: FloatArray, velocity: FloatArray) -> FloatArray:
        """The sample after ``step``, from the one before it and the velocity predicted there.

        Steps are taken in order: the second-order solver remembers the picture predicted last.
        """
        alpha, sigma = _parts(self.sigmas[step])
        picture: FloatArray = np.float32(alpha) * sample - np.float32(sigma) * velocity
        np.clip(picture, -1, 1, out=picture)
        next_alpha, next_sigma = _parts(self.sigmas[step + 1])
        previous, self._previous = self._previous, picture
        if next_sigma == 0:
            return picture

        width = _log_ratio(next_alpha, next_sigma) - _log_ratio(alpha, sigma)
        estimate = picture
        if self._order == 2 and previous is not None:
            last_width = _log_ratio(alpha, sigma) - _log_ratio(*_parts(self.sigmas[step - 1]))
            lean = np.float32(0.5 * width / last_width)
            estimate = picture + lean * (picture - previous)
        kept = np.float32(next_sigma / sigma)
        drawn = np.float32(-next_alpha * math.expm1(-width))
        following: FloatArray = kept * sample + drawn * estimate
        return following


def _cosine_sigmas(length: int) -> npt.NDArray[np.float64]:
    """Noise over picture at each time step of Nichol and Dhariwal's cosine schedule.

    Rounded to float32 where diffusers does it: towards the end 1 - beta is so small that the
    rounding shows in the result.
    """
    times = np.arange(length + 1) / length
    remaining = np.cos((times + 0.008) / 1.008 * math.pi / 2) ** 2
    betas = np.minimum(1 - remaining[1:] / remaining[:-1], _LARGEST_BETA).astype(np.float32)
    products = np.cumprod(np.float32(1) - betas, dtype=np.float32)
    sigmas: npt.NDArray[np.float64] = np.sqrt((1 - products) / products).astype(np.float64)
    return sigmas


def _parts(sigma: float) -> tuple[float, float]:
    """How much of the picture and of the noise there is, their squares adding up to one."""
    alpha = 1 / math.sqrt(sigma * sigma + 1)
    return alpha, sigma * alpha


def _log_ratio(alpha: float, sigma: float) -> float:
    return math.log(alpha) - math.log(sigma)
