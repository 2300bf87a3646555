"""The director draws tokens as the pack says, and as before where the pack says nothing."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from expand_fixtures import CHECKOUT

from edge.expand.director import Director
from edge.manifest import LlmManifest, Sampling, VideoManifest, load_manifest
from edge.mode import Mode

Drawn = list[tuple[object, object]]


class Recorder:
    """A model whose tokens are letters; it remembers how it was told to draw them."""

    def __init__(self) -> None:
        self.drawn, self.usage = Drawn(), dict[str, float]()

    def tokens(self, text: str, *, control: bool) -> list[int]:
        return [ord(char) for char in text]

    def text(self, tokens: Sequence[int]) -> str:
        return "".join(map(chr, tokens))

    def start(self, prefix: list[int]) -> bool:
        return True

    def write(self, context: Sequence[int], **options: object) -> list[int]:
        self.drawn.append((options["temperature"], options.get("repeat_penalty", 1.0)))
        return []

    def choose(self, context: Sequence[int], gbnf: str, **options: object) -> list[int]:
        return self.write(context, **options)


def drawn(llm: LlmManifest, mode: Mode) -> Drawn:
    video = load_manifest(CHECKOUT / "models/tinyreel")
    assert isinstance(video, VideoManifest)
    model = Recorder()
    Director(model, llm=llm, video=video, mode=mode).expand("a boat", seconds=None, seed=1)  # type: ignore[arg-type]
    return model.drawn


@pytest.mark.parametrize(("mode", "default"), [(Mode.THINK, [(0.6, 1.3), (0.3, 1.0)]), (Mode.NO_THINK, [(0.3, 1.0)])])
def test_tokens_are_drawn_as_the_pack_says(mode: Mode, default: Drawn) -> None:
    stock = load_manifest(CHECKOUT / "models/smollm2-135m")
    assert isinstance(stock, LlmManifest)
    calm = Sampling(thought_temperature=0.1, answer_temperature=0.0, repeat_penalty=1.0)
    assert drawn(stock, mode) == default
    assert drawn(msgspec.structs.replace(stock, sampling=calm), mode) == [(0.1, 1.0), (0.0, 1.0)][-len(default) :]
