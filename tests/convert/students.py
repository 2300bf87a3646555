"""A student and the ONNX files that it was read back from, asked the same, for the tests of what prunes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch

from tools.convert.prune.scenes import Scenes
from tools.convert.tinyvideo.student import Student
from tools.convert.tinyvideo.textures import place_of

CHECKOUT = Path(__file__).resolve().parents[2]
TINY = CHECKOUT / "tests/data/tinypack"


def asked(scenes: Scenes, student: Student, *, seed: int = 7) -> tuple[torch.Tensor, ...]:
    """What a student is given in the second step of a scene."""
    row, noise, layout, _ = scenes.whole(seed)
    shape = (1, student.shape.latent, *layout.shape[2:])
    before = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return row, noise, torch.full((1,), 0.5), layout, before


def check_same(student: Student, pack: Path, scenes: Scenes, *, seed: int) -> None:
    """Film and result in torch are those of the pack's graphs with their weights dequantised."""
    conditioner = ort.InferenceSession(str(pack / "conditioner.onnx"))
    denoiser = ort.InferenceSession(dequantised(pack / "denoiser.onnx").SerializeToString())
    row, noise, time, layout, before = given = asked(scenes, student, seed=seed)
    shape = student.shape
    place = place_of(row, noise, slot=shape.place, variants=shape.variants, chooser=shape.chooser)
    with torch.no_grad():
        film, made = student.conditioner(row, noise, time).numpy(), student(*given).numpy()
        found = student.look_up(layout, place).numpy()
    theirs = conditioner.run(None, {"attributes": row.numpy(), "noise": noise.numpy(), "timestep": time.numpy()})[0]
    np.testing.assert_allclose(film, theirs, rtol=1e-3, atol=1e-4)
    feed = {
        "found": found,
        "layout": layout.contiguous().numpy(),
        "latents": before.numpy(),
        "film": film[..., None, None],
    }
    theirs = denoiser.run(None, feed)[0]
    np.testing.assert_allclose(made, theirs, rtol=1e-3, atol=1e-3 * float(np.ptp(theirs)))


def dequantised(path: Path) -> onnx.ModelProto:
    """The graph with the weights that its INT8 stands for, and what lies between the layers in fp32."""
    model = onnx.load(str(path))
    makes = {name: node for node in model.graph.node for name in node.output}
    instead = {
        node.output[0]: makes[node.input[0]].input[0]
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and makes.get(node.input[0], node).op_type == "QuantizeLinear"
    }
    for node in model.graph.node:
        node.input[:] = [instead.get(name, name) for name in node.input]
    return model
