"""What may be asked of the starter model, in numbers; imports nothing."""

from __future__ import annotations

SOLVER_ORDERS = {"dpmpp_2m": 2, "ddim": 1}
"""Sampler names, in the spelling of ComfyUI, and the order of the solver that each one is."""

DEFAULT_SIDE = 512
DEFAULT_STEPS = 12
DEFAULT_GUIDANCE = 2.0
DEFAULT_IMAGE_STRENGTH = 0.6
DEFAULT_INPAINT_STRENGTH = 1.0

MODEL_SIDE = 32
MAX_SIDE = 4096
MAX_COUNT = 64
MAX_STEPS = 1000
MAX_GUIDANCE = 20.0
MAX_LORA_WEIGHT = 4.0

LABEL = "starter engine (32x32 pixel art, one thing a picture)"
