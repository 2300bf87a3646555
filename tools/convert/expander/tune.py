"""Tune the expander's model on the tokens of its tasks; resumable at any time.

    python -m tools.convert.expander.tune --threads 2            # goes on from runs/expander/tune.pt

A new run goes on from what the shipped pack has learned; `--begin-with FILE` names another delta, `--begin-with ""` none.
Writes tune.pt (the changes and the optimiser), tune.log (JSON lines) and tune-train.png into the folder of the run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import torch
from torch import nn
from torch.nn import functional

from edge.manifest import file_sha256
from edge.packs import shipped_root
from edge.tuned.blocks import Kind
from tools.convert.expander.batches import Batch, Tokens
from tools.convert.expander.delta import read_delta
from tools.convert.expander.lora import add_changes
from tools.convert.expander.model import Llama
from tools.convert.expander.recipe import BASE, DELTA, RECIPE, RUN, Recipe, load_recipe
from tools.convert.tinyvideo.loop import Progress, cosine, resume, run_loop, set_rate

CHECKPOINT = "tune.pt"
CHECK_BATCH = 16


def main() -> None:
    """Parse the command line and tune."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=RECIPE, help="default: %(default)s")
    parser.add_argument("--base", type=Path, default=BASE, help="the model file (default: %(default)s)")
    parser.add_argument("--run", type=Path, default=RUN, help="folder with train.npz and held_out.npz (%(default)s)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu, or cuda where there is one (default: %(default)s)")
    parser.add_argument(
        "--begin-with", type=str, help="the delta that a new run goes on from (default: the shipped pack's)"
    )
    parser.add_argument("--minutes", type=float, help="another budget than the recipe's, resumes included")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    recipe = load_recipe(args.recipe)
    recipe = msgspec.structs.replace(recipe, minutes=args.minutes or recipe.minutes)
    shipped = shipped_root() / recipe.pack.name / DELTA
    begin = shipped if args.begin_with is None and shipped.exists() else args.begin_with
    tune(recipe, base=args.base, run=args.run, device=torch.device(args.device), begin=Path(begin) if begin else None)


def tune(recipe: Recipe, *, base: Path, run: Path, device: torch.device, begin: Path | None = None) -> None:
    """Train until the budget is used. ValueError where the delta `begin`, which a new run begins with, is of another base."""
    train, held_out = Tokens(run / "train.npz"), Tokens(run / "held_out.npz")
    model = Llama(base)
    changes = add_changes(model.linears(), rank=recipe.rank, alpha=recipe.alpha, seed=recipe.seed)
    if begin is not None and not (run / CHECKPOINT).exists():
        begin_with(changes, begin, base=base)
    model.to(device)
    progress = resume(run / CHECKPOINT, changes)
    optimiser = torch.optim.AdamW(changes.parameters(), recipe.rate, betas=(0.9, 0.99), weight_decay=recipe.decay)
    if progress.extra:
        optimiser.load_state_dict(progress.extra["optimiser"])
    run_loop(
        run / CHECKPOINT, changes, progress, minutes=recipe.minutes,
        step=stepper(recipe, model, optimiser, train, progress),
        check=checker(recipe, model, held_out, progress), extra=lambda: {"optimiser": optimiser.state_dict()},
    )  # fmt: skip


def begin_with(changes: nn.ModuleDict, delta: Path, *, base: Path) -> None:
    """Let the changes be those of a delta. ValueError where it was not made for the file `base`."""
    made_for, learned = read_delta(delta)
    if made_for != file_sha256(base):
        raise ValueError(f"{delta} was not made for {base}")
    for name, change in changes.items():
        change.begin_with(*learned[name.replace("/", ".")])


def stepper(
    recipe: Recipe, model: Llama, optimiser: torch.optim.Optimizer, train: Tokens, progress: Progress
) -> Callable[[float], float]:  # fmt: skip
    """What the loop calls: one step on the next batch; it returns the loss."""
    kind, rounded = Kind[recipe.pack.quantised.upper()], [-recipe.round_every]
    each = -(-len(train) // recipe.batch)
    orders: dict[int, list] = {}

    def step(share: float) -> float:
        epoch, place = divmod(progress.step, each)
        if epoch not in orders:
            orders.clear()
            orders[epoch] = train.order(size=recipe.batch, seed=recipe.seed + epoch)
        if share >= recipe.round_from and progress.step - rounded[0] >= recipe.round_every:
            round_weights(model, kind)
            rounded[0] = progress.step
        warm = min(1.0, (progress.step + 1) / recipe.warm_up_steps)
        set_rate(optimiser, recipe.rate * warm * cosine(share))
        loss = loss_of(model, train.batch(orders[epoch][place]).to(model.norm.device))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], recipe.clip)
        optimiser.step()
        return float(loss.detach())

    return step


def checker(recipe: Recipe, model: Llama, held_out: Tokens, progress: Progress) -> Callable[[], Mapping[str, float]]:
    """What the loop asks for its log: now and then the figures of what is held out."""
    looked = [0.0]

    def check() -> dict[str, float]:
        figures = {"examples_s": round(progress.step * recipe.batch / max(progress.seconds, 1.0), 3)}
        if time.monotonic() - looked[0] >= recipe.check_minutes * 60:
            looked[0] = time.monotonic()
            figures |= held_out_figures(model, held_out, count=recipe.held_out)
        return figures

    return check


def loss_of(model: Llama, batch: Batch) -> torch.Tensor:
    """The mean over the tokens that are learned of -log p(one that pleases is written), in nats."""
    return _losses(model(batch.begin, batch.tokens, batch.wanted), batch).mean()


@torch.no_grad()
def held_out_figures(model: Llama, held_out: Tokens, *, count: int) -> dict[str, float]:
    """Of the first `count` examples: the mean loss of a learned token, and the share where one that pleases is likeliest.

    Of the last token of each example, `held_out_last`: in a short lesson that is the subject.
    """
    order = held_out.lengths[:count].argsort(kind="stable")
    loss, right, total, last = 0.0, 0, 0, 0
    for start in range(0, len(order), CHECK_BATCH):
        batch = held_out.batch(order[start : start + CHECK_BATCH]).to(model.norm.device)
        logits = model(batch.begin, batch.tokens, batch.wanted)
        loss += float(_losses(logits, batch).sum())
        pleased = (logits.argmax(dim=1, keepdim=True) == _pleasing(batch)).any(dim=1)
        right += int(pleased.sum())
        last += int(pleased[batch.wanted.sum(dim=1).cumsum(dim=0) - 1].sum())
        total += len(batch.targets)
    return {"held_out_loss": loss / total, "held_out_right": right / total, "held_out_last": last / len(order)}


def _losses(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    pleasing = _pleasing(batch)
    each = functional.log_softmax(logits, dim=1).gather(1, pleasing.clamp(min=0))
    return -each.masked_fill(pleasing < 0, -torch.inf).logsumexp(dim=1)


def _pleasing(batch: Batch) -> torch.Tensor:
    return torch.cat([batch.targets[:, None], batch.also], dim=1)


def round_weights(model: Llama, kind: Kind) -> None:
    """Let every layer compute with the weights that the file would hold now."""
    for linear in model.linears().values():
        linear.round(kind)


if __name__ == "__main__":
    main()
