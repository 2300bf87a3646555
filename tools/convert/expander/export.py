"""Make the tuned pack of a run: the file of changes, and the manifest with the sha256 of the model that a board makes of it.

python -m tools.convert.expander.export --out models/smollm2-135m-expand
python -m tools.convert.expander.export --out runs/expander/pack --gguf       # keep the model file too, to judge it
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec
import torch
import yaml

from edge.manifest import MANIFEST, LlmManifest, WeightFile, file_sha256
from edge.packs import find_llm_pack, shipped_root
from edge.tuned import merge
from tools.convert.expander.delta import write_delta
from tools.convert.expander.recipe import BASE, DELTA, RECIPE, RUN, Recipe, load_recipe, tuned_manifest
from tools.convert.expander.tune import CHECKPOINT

HEAD = """# The default language model, tuned for expanding prompts: `edgereel models pull {name}` makes it of {base}
# and {delta}. Written by tools/convert/expander/export.py.
"""


def main() -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--base", type=Path, default=BASE)
    parser.add_argument("--run", type=Path, default=RUN)
    parser.add_argument("--out", type=Path, required=True, help="folder of the pack")
    parser.add_argument("--gguf", action="store_true", help="leave the model file in that folder")
    args = parser.parse_args()
    manifest = export(load_recipe(args.recipe), base=args.base, run=args.run, out=args.out, keep=args.gguf)
    print(f"{args.out}: {(args.out / DELTA).stat().st_size / 1e6:.1f} MB of changes, {manifest.files}")


def export(recipe: Recipe, *, base: Path, run: Path, out: Path, keep: bool) -> LlmManifest:
    """Write the pack of a run's last checkpoint. ValueError where `base` is not the file that boards have."""
    stock = find_llm_pack(recipe.pack.base, roots=[shipped_root()]).manifest
    base_sha256 = file_sha256(base)
    if base_sha256 != stock.files[stock.file].sha256:
        raise ValueError(f"{base} is not the file of {recipe.pack.base}")
    state = torch.load(run / CHECKPOINT, weights_only=True)["model"]
    write_delta(out / DELTA, changes_of(state, scale=recipe.alpha / recipe.rank), base_sha256=base_sha256)
    model = out / recipe.pack.file
    merge(base, out / DELTA, model, base_sha256=base_sha256, quantised=recipe.pack.quantised, progress=lambda _: None)
    weights = WeightFile(sha256=file_sha256(model), bytes=model.stat().st_size)
    manifest = tuned_manifest(stock, recipe.pack, delta_sha256=file_sha256(out / DELTA), weights=weights)
    text = HEAD.format(name=recipe.pack.name, base=recipe.pack.base, delta=DELTA)
    plain = msgspec.to_builtins(manifest)
    (out / MANIFEST).write_text(text + yaml.safe_dump(plain, sort_keys=False, width=120), encoding="utf-8")
    if not keep:
        model.unlink()
    return manifest


def changes_of(state: dict[str, torch.Tensor], *, scale: float) -> dict:
    """The changes of a checkpoint by tensor name: `up` scaled, and `down`."""
    names = {name.rpartition(".")[0] for name in state}
    return {
        name.replace("/", "."): ((state[f"{name}.up"] * scale).numpy(), state[f"{name}.down"].numpy())
        for name in sorted(names)
    }


if __name__ == "__main__":
    main()
