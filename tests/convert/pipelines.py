"""Small diffusers pipelines with random weights, built on the spot: real architectures, a CLIP tokenizer trained here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from diffusers import (
    AnimateDiffPipeline,
    AutoencoderKL,
    AutoencoderTiny,
    DDIMScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    MotionAdapter,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizerFast

from tools.convert.diffusion.texts import CALIBRATION, HELD_OUT

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
BEGIN, END = "<|startoftext|>", "<|endoftext|>"
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
WIDTHS = (32, 64)
TEXT = 64


def clip_tokenizer(folder: Path) -> CLIPTokenizerFast:
    """Merges learned from a few sentences; the vocabulary is laid out as CLIP's is."""
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Lowercase()
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    texts = [*CALIBRATION, *HELD_OUT, "it's 12 o'clock, we'll see the café", "一只小猫在月光下跳舞"] * 4
    learner.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=700, end_of_word_suffix="</w>"))
    merges = json.loads(learner.to_str())["model"]["merges"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges), BEGIN, END]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(
        json.dumps({piece: number for number, piece in enumerate(dict.fromkeys(pieces))})
    )
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *(" ".join(pair) for pair in merges)]) + "\n")
    return CLIPTokenizerFast(
        str(folder / "vocab.json"), str(folder / "merges.txt"), unk_token=END, bos_token=BEGIN, eos_token=END,
        pad_token=END, model_max_length=77,
    )  # fmt: skip


def text_to_image(folder: Path, *, scheduler: str = "euler", widths: tuple[int, ...] = WIDTHS) -> Path:
    """As Stable Diffusion 1.5: a UNet with cross attention, a VAE with a decoder of its own."""
    torch.manual_seed(3)
    tokenizer = clip_tokenizer(folder / "made")
    vae = AutoencoderKL(
        block_out_channels=(32, 64), latent_channels=4, norm_num_groups=8, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    made = StableDiffusionPipeline(
        vae=vae, text_encoder=_text_encoder(len(tokenizer), TEXT), tokenizer=tokenizer, unet=_unet(widths, TEXT),
        scheduler=_scheduler(scheduler), safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    return _save(made, folder)


def animate_diff(folder: Path, *, scheduler: str = "lcm", widths: tuple[int, ...] = WIDTHS, text: int = TEXT) -> Path:
    """As AnimateDiff: the same with motion modules, and a tiny VAE."""
    torch.manual_seed(4)
    tokenizer = clip_tokenizer(folder / "made")
    adapter = MotionAdapter(
        block_out_channels=widths, motion_layers_per_block=1, motion_mid_block_layers_per_block=1,
        motion_num_attention_heads=4, motion_norm_num_groups=8, motion_max_seq_length=16, use_motion_mid_block=True,
    )  # fmt: skip
    vae = AutoencoderTiny(
        encoder_block_out_channels=(32, 32), decoder_block_out_channels=(32, 32), num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    )  # fmt: skip
    made = AnimateDiffPipeline(
        vae=vae, text_encoder=_text_encoder(len(tokenizer), text), tokenizer=tokenizer, unet=_unet(widths, text),
        motion_adapter=adapter, scheduler=_scheduler(scheduler),
    )  # fmt: skip
    return _save(made, folder)


def _text_encoder(tokens: int, size: int) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=tokens, hidden_size=size, intermediate_size=2 * size, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=77, bos_token_id=tokens - 2, eos_token_id=tokens - 1, pad_token_id=tokens - 1,
        )
    )  # fmt: skip


def _unet(widths: tuple[int, ...], text: int) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=32, in_channels=4, out_channels=4, block_out_channels=widths, layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", *("DownBlock2D",) * (len(widths) - 1)),
        up_block_types=(*("UpBlock2D",) * (len(widths) - 1), "CrossAttnUpBlock2D"),
        cross_attention_dim=text, attention_head_dim=4, norm_num_groups=8,
    )  # fmt: skip


def _scheduler(name: str) -> LCMScheduler | EulerDiscreteScheduler | DDIMScheduler:
    match name:
        case "lcm":
            return LCMScheduler(**BETAS)
        case "euler":
            return EulerDiscreteScheduler(**BETAS, timestep_spacing="trailing")
        case _:
            return DDIMScheduler(**BETAS, clip_sample=False, steps_offset=1)


def main(folder: str) -> None:
    """The pipeline of tests/data/tinydiffusers."""
    animate_diff(Path(folder), widths=(16,), text=16)


def _save(made: StableDiffusionPipeline | AnimateDiffPipeline, folder: Path) -> Path:
    made.save_pretrained(folder, safe_serialization=True)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A small random pipeline\n")
    return folder


if __name__ == "__main__":
    main(sys.argv[1])
