"""The networks of a model folder in diffusers' layout, and what they make of pictures and words.

Three kinds: the starter model (its pixels are its latents), Stable Diffusion 1.x with one text
encoder, SDXL with two. Weights are read from safetensors alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ategnatos.trainers.accelerate.order import Shown, Size
from ategnatos.trainers.own.order import OrderError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_CAPTIONS_KEPT = 4096
_SDXL_SKIPS = -2  # SDXL reads its text encoders' last layer but one


class Model:
    """Everything that is loaded. ``unet`` and ``texts`` are what pairs are put into.

    Raises OrderError where the folder is not one of the kind that was ordered.
    """

    def __init__(self, pipeline: str, folder: str, device: Any, dtype: Any) -> None:
        import torch
        from diffusers import DDPMScheduler, UNet2DConditionModel
        from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

        self.pipeline, self.device, self.dtype = pipeline, device, dtype
        self.folder = folder or _starter_folder()
        self._captions: dict[str, tuple[Any, Any]] = {}
        second = pipeline == "sdxl"
        try:
            self.unet: Any = self._load(UNet2DConditionModel, "unet", dtype)
            self.texts: list[Any] = [self._load(CLIPTextModel, "text_encoder", dtype)]
            self.tokenizers: list[Any] = [
                CLIPTokenizer.from_pretrained(self.folder, subfolder="tokenizer")
            ]
            if second:
                self.texts.append(self._load(CLIPTextModelWithProjection, "text_encoder_2", dtype))
                self.tokenizers.append(
                    CLIPTokenizer.from_pretrained(self.folder, subfolder="tokenizer_2")
                )
            # Encoding in half precision overflows with SDXL's autoencoder.
            self.vae: Any = None if pipeline == "starter" else self._vae(torch.float32)
            noise: Any = DDPMScheduler.from_pretrained(self.folder, subfolder="scheduler")
        except (OSError, ValueError, KeyError) as error:
            raise OrderError(f"the model {self.folder} cannot be loaded: {error}") from error
        wanted = {"starter": False, "sd": False, "sdxl": True}[pipeline]
        if (getattr(self.unet.config, "addition_embed_type", None) == "text_time") != wanted:
            raise OrderError(f"the UNet of {self.folder} is of another family than the plan's")
        self.prediction: str = noise.config.prediction_type
        self.length: int = noise.config.num_train_timesteps
        self.signals: Any = noise.alphas_cumprod.to(device=device, dtype=torch.float32)

    # --- pictures -----------------------------------------------------------------------------

    def latents(self, one: Shown, flipped: bool) -> Any:
        """A picture as the UNet sees it (channels, height, width), float32, on the processor."""
        import torch

        if self.pipeline == "starter":
            pixels = _starter_pixels(one.path)
            pixels = pixels[:, ::-1] if flipped else pixels
            return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
        pixels = fitted(one.path, one.bucket)
        pixels = pixels[:, ::-1] if flipped else pixels
        given = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]
        with torch.no_grad():
            found = self.vae.encode(given.to(self.device)).latent_dist.mean[0]
        shift = getattr(self.vae.config, "shift_factor", None) or 0.0
        return ((found - shift) * self.vae.config.scaling_factor).float().cpu()

    # --- words --------------------------------------------------------------------------------

    def words(self, captions: Sequence[str], *, trained: bool) -> tuple[Any, Any]:
        """Text states (captions, tokens, width) and, for SDXL, the pooled ones (else None).

        Where the text encoders are not ``trained``, each caption is read once.
        """
        import torch

        if trained:
            return self._read(captions)
        for caption in dict.fromkeys(captions):
            if caption not in self._captions:
                if len(self._captions) >= _CAPTIONS_KEPT:
                    self._captions.clear()
                with torch.no_grad():
                    states, pooled = self._read([caption])
                self._captions[caption] = (
                    states[0].cpu(),
                    None if pooled is None else pooled[0].cpu(),
                )
        found = [self._captions[caption] for caption in captions]
        states = torch.stack([one for one, _ in found]).to(self.device)
        if found[0][1] is None:
            return states, None
        return states, torch.stack([one for _, one in found]).to(self.device)

    def predict(
        self, unet: Any, noisy: Any, times: Any, words: tuple[Any, Any], shown: Sequence[Shown]
    ) -> Any:
        """What the UNet says (samples, channels, height, width) of noisy latents, float32."""
        import torch

        states, pooled = words
        added = None
        if pooled is not None:
            sizes = [_time_sizes(one.path, one.bucket) for one in shown]
            added = {
                "text_embeds": pooled.to(self.dtype),
                "time_ids": torch.tensor(sizes, dtype=self.dtype, device=self.device),
            }
        given = noisy.to(self.dtype), times, states.to(self.dtype)
        return unet(*given, added_cond_kwargs=added).sample.float()

    # --- inside -------------------------------------------------------------------------------

    def _load(self, kind: Any, part: str, dtype: Any) -> Any:
        made = kind.from_pretrained(
            self.folder, subfolder=part, torch_dtype=dtype, use_safetensors=True
        )
        return made.to(self.device).requires_grad_(False).eval()

    def _vae(self, dtype: Any) -> Any:
        from diffusers import AutoencoderKL

        return self._load(AutoencoderKL, "vae", dtype)

    def _read(self, captions: Sequence[str]) -> tuple[Any, Any]:
        import torch

        parts, pooled = [], None
        for tokenizer, encoder in zip(self.tokenizers, self.texts, strict=True):
            ids = tokenizer(
                list(captions),
                padding="max_length",
                max_length=tokenizer.model_max_length,
                truncation=True,
                return_tensors="pt",
            ).input_ids.to(self.device)
            if self.pipeline == "sdxl":
                said = encoder(ids, output_hidden_states=True)
                parts.append(said.hidden_states[_SDXL_SKIPS])
                # Only the second has a projection, and its pooled states are the ones wanted.
                pooled = said[0]
            else:
                parts.append(encoder(ids)[0])
        return torch.cat(parts, dim=-1), pooled


def fitted(path: Path, bucket: Size) -> Floats:
    """A picture (height, width, 3) in [-1, 1] that fills its bucket, cropped around its middle.

    Raises OrderError.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            upright: Image.Image = ImageOps.exif_transpose(opened)
            image = upright.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise OrderError(f"the picture {path} cannot be read: {error}") from error
    larger, left, top = _cover(image.size, bucket)
    shown = image.resize(larger, Image.Resampling.LANCZOS)
    cut = shown.crop((left, top, left + bucket[0], top + bucket[1]))
    return np.asarray(cut, np.float32) / np.float32(127.5) - 1


def _cover(size: Size, bucket: Size) -> tuple[Size, int, int]:
    """To which size a picture is brought to fill its bucket, and what is cut off left and top."""
    scale = max(bucket[0] / size[0], bucket[1] / size[1])
    larger = max(bucket[0], round(size[0] * scale)), max(bucket[1], round(size[1] * scale))
    return larger, (larger[0] - bucket[0]) // 2, (larger[1] - bucket[1]) // 2


@lru_cache(maxsize=65536)
def _time_sizes(path: Path, bucket: Size) -> tuple[int, ...]:
    """SDXL's six numbers: original height and width, crop from top and left, target."""
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        width, height = ImageOps.exif_transpose(image).size
    _, left, top = _cover((width, height), bucket)
    return height, width, top, left, bucket[1], bucket[0]


def _starter_folder() -> str:
    from ategnatos.starter.description import SHIPPED

    return str(SHIPPED)


def _starter_pixels(path: Path) -> Floats:
    from ategnatos.starter.training.examples import as_model
    from ategnatos.trainers.starter.order import pixels_of

    return as_model(pixels_of(path), 32)
