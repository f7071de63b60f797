"""The networks of the starter model, as stock diffusers and transformers classes."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import (
    AutoencoderTiny,
    DPMSolverMultistepScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from diffusers.models.attention_processor import AttnProcessor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from .tokens import TOKENS

SIDE = 32  # pixels
WIDTH = 96  # text channels
LATENT_SCALE = 10.0  # keeps the tanh inside AutoencoderTiny in its linear part


def make_unet() -> UNet2DConditionModel:
    """Build the 6.0 M parameter denoiser: RGBA 32x32 in, v-prediction of the same shape out."""
    unet = UNet2DConditionModel(
        sample_size=SIDE,
        in_channels=4,
        out_channels=4,
        down_block_types=(
            "DownBlock2D",
            "DownBlock2D",
            "CrossAttnDownBlock2D",
            "CrossAttnDownBlock2D",
        ),
        mid_block_type="UNetMidBlock2DCrossAttn",
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        block_out_channels=(32, 64, 96, 128),
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        # diffusers' historical name: for SD 1 style blocks this is the NUMBER of heads
        attention_head_dim=(1, 2, 3, 4),
        norm_num_groups=8,
        use_linear_projection=True,
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
        resnet_time_scale_shift="scale_shift",
        time_embedding_dim=256,
    )
    # PyTorch's fused attention has a slow bfloat16 backward pass on CPU: 56 against 79 images/s.
    unet.set_attn_processor(AttnProcessor())
    return unet


def make_text_encoder(symbols: int) -> CLIPTextModel:
    """Build the text encoder: token numbers (n, 32) below `symbols` to states (n, 32, 96)."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=symbols,
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            projection_dim=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=TOKENS,
            hidden_act="quick_gelu",
            bos_token_id=symbols - 2,
            eos_token_id=symbols - 1,
            pad_token_id=symbols - 1,
        )
    )


@torch.no_grad()
def make_identity_vae() -> AutoencoderTiny:
    """Build an autoencoder that changes nothing (error below 0.0005), with hand-set weights.

    The stock pipelines want one. Latents are pixels / 10 before the pipeline's scaling and pixels
    after it, so a "latent" of this model is an RGBA image in [-1, 1].
    """
    vae = AutoencoderTiny(
        in_channels=4,
        out_channels=4,
        latent_channels=4,
        encoder_block_out_channels=(4,),
        decoder_block_out_channels=(4,),
        num_encoder_blocks=(0,),
        num_decoder_blocks=(0,),
        scaling_factor=LATENT_SCALE,
    )
    # encoder: it is handed (x + 1) / 2, in [0, 1]
    set_pointwise(vae.encoder.layers[0], 1.0, 0.0)
    set_pointwise(vae.encoder.layers[1], 2 / LATENT_SCALE, -1 / LATENT_SCALE)
    # decoder: ReLU in the middle, so the values pass it as (x + 1) / 2 too; it returns 2 y - 1
    set_pointwise(vae.decoder.layers[0], LATENT_SCALE / 2, 0.5)
    set_pointwise(vae.decoder.layers[2], 1.0, 0.0)
    return vae


def set_pointwise(convolution: torch.nn.Conv2d, gain: float, bias: float) -> None:
    """Make `convolution` (4 to 4 channels, 3x3) compute gain * x + bias for each pixel."""
    convolution.weight.zero_()
    convolution.weight[range(4), range(4), 1, 1] = gain
    convolution.bias.fill_(bias)


def make_scheduler() -> DPMSolverMultistepScheduler:
    """Build the sampler: DPM-Solver++ with x0 clipped to [-1, 1] and eps computed again from it.

    Clipping without the second computation ruins guided samples (kind accuracy .18 against 1.00).
    """
    return DPMSolverMultistepScheduler(
        num_train_timesteps=1000,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        algorithm_type="dpmsolver++",
        solver_order=2,
        thresholding=True,
        sample_max_value=1.0,
        timestep_spacing="trailing",
        final_sigmas_type="zero",
    )


def save_model(
    folder: Path, unet: UNet2DConditionModel, text_encoder: CLIPTextModel, tokenizer_folder: Path
) -> None:
    """Write a folder that `StableDiffusionPipeline.from_pretrained` loads; weights in fp16."""
    tokenizer = CLIPTokenizer.from_pretrained(tokenizer_folder)
    pipeline = StableDiffusionPipeline(
        vae=make_identity_vae().half(),
        text_encoder=text_encoder.half(),
        tokenizer=tokenizer,
        unet=unet.half(),
        scheduler=make_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    # transformers 5 writes tokenizer.json only; vocab.json and merges.txt are the older, plain form
    for name in ("vocab.json", "merges.txt"):
        (folder / "tokenizer" / name).write_bytes((tokenizer_folder / name).read_bytes())
