"""The tokens that a model is tuned on are those that the board gives it, and the reference for the torch model holds."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from expand_fixtures import vocabulary

from edge.expand.choices import start, walk
from edge.expand.director import Director
from edge.expand.grammar import answer_form
from edge.expand.llama import LanguageModel, open_llama
from edge.manifest import LlmManifest, VideoManifest
from edge.mode import Mode
from edge.packs import Pack, find_video_pack, shipped_root
from edge.stop import Stop
from tests.conftest import DATA
from tools.convert.expander import examples
from tools.convert.expander.logits import logits
from tools.convert.expander.pieces import Piece, glance
from tools.convert.expander.recipe import load_recipe, tuned_manifest
from tools.convert.expander.tokens import Cutter, write_tokens


@pytest.fixture(scope="module")
def base(smollm: Pack[LlmManifest]) -> Path:
    return smollm.file(smollm.manifest.file)


class Listener(LanguageModel):
    """The board's model, which writes down what it is given and writes what it is told to."""

    def start(self, prefix: list[int]) -> bool:
        return True

    def write(self, context: list[int], **_: object) -> list[int]:  # type: ignore[override]
        self.given = list(context)
        return self.answers.pop(0)

    def choose(self, context: list[int], gbnf: str, **_: object) -> list[int]:  # type: ignore[override]
        return self.write(context)


@pytest.mark.parametrize("mode", [Mode.NO_THINK, Mode.THINK])
def test_a_model_is_tuned_on_the_tokens_of_the_board(smollm: Pack[LlmManifest], tmp_path: Path, mode: Mode) -> None:
    llm = tuned_manifest(smollm.manifest, load_recipe().pack)
    video: VideoManifest = find_video_pack("tinyreel", roots=[shipped_root()]).manifest
    cutter = Cutter(smollm.file(smollm.manifest.file))
    with open_llama(smollm, threads=1, small_board=True, cache=tmp_path, stop=Stop()) as model:
        model.__class__ = Listener
        for example in examples(seed=3, count=25, llm=llm, vocabulary=vocabulary(), mode=mode):
            learned = [piece for piece in example.pieces if piece.learned]
            answers = [learned[0], learned[-2]] if mode is Mode.THINK else [learned[0]]
            model.answers = [model.tokens(piece.text, control=False) for piece in answers]
            Director(model, llm=llm, video=video, mode=mode).expand(example.task.request, seconds=None, seed=1)
            tokens, marks = cutter.cut(example.pieces)
            last = len(cutter.cut(example.pieces[-2:])[0])
            assert model.given == tokens[:-last]
            assert all(marks[-last:]) and not marks[0]


@pytest.mark.parametrize("mode", [Mode.NO_THINK, Mode.THINK])
def test_forced_text_and_choices_are_cut_as_in_training(smollm: Pack[LlmManifest], mode: Mode) -> None:
    llm = tuned_manifest(smollm.manifest, load_recipe().pack)
    cutter = Cutter(smollm.file(smollm.manifest.file))
    end = cutter.cut([Piece(text=llm.template.stop[0], control=True)])[0]
    for example in examples(seed=4, count=60, llm=llm, vocabulary=vocabulary(), mode=mode):
        wanted, asked = cutter.cut(example.pieces[-2:])[0], list[int]()

        def pick(written: list[int], among: list[int], wanted: list[int] = wanted, asked: list[int] = asked) -> int:
            assert written == wanted[: len(written)] and len(among) > 1
            asked.append(len(written))
            return wanted[len(written)]

        form = answer_form(vocabulary(), example.task.read, most_shots=mode.row.max_shots)
        tokens = partial(cut, cutter, end)
        written = walk(start(form.gbnf), most=999, tokens=tokens, pick=pick)
        assert (written if written[-1:] == end else [*written, *end]) == wanted  # an end that is forced is not written
        assert len(asked) < 0.6 * len(wanted)


def cut(cutter: Cutter, end: list[int], text: str) -> list[int]:
    return cutter.cut([Piece(text=text)])[0] if text else end


def test_the_file_holds_every_example(base: Path, smollm: Pack[LlmManifest], tmp_path: Path) -> None:
    llm, cutter = tuned_manifest(smollm.manifest, load_recipe().pack), Cutter(base)
    made = list(examples(seed=1, count=30, llm=llm, vocabulary=vocabulary()))
    total = write_tokens(tmp_path / "t.npz", made, cutter, glances=0.0, seed=1)
    with np.load(tmp_path / "t.npz") as file:
        assert file["starts"][-1] == total == len(file["tokens"]) == len(file["learned"])
        for number, example in enumerate(made):
            span = slice(file["starts"][number], file["starts"][number + 1])
            assert (file["tokens"][span].tolist(), file["learned"][span].tolist()) == cutter.cut(example.pieces)
            assert (file["think"][number], file["chinese"][number]) == (
                example.mode is Mode.THINK, example.language == "zh",
            )  # fmt: skip


def test_the_reference_is_what_llama_cpp_computes(base: Path) -> None:
    now = logits(base)
    with np.load(DATA / "logits.npz") as file:
        assert set(file.files) == set(now)
        for name in file.files:
            assert np.allclose(file[name].astype(float), now[name].astype(float), atol=0.1)


def test_a_glance_ends_with_the_subject_that_the_model_chose(smollm: Pack[LlmManifest]) -> None:
    llm = tuned_manifest(smollm.manifest, load_recipe().pack)
    for example in examples(seed=3, count=60, llm=llm, vocabulary=vocabulary()):
        short = glance(example.pieces, subjects=example.task.subjects)
        if example.mode is Mode.THINK or "subject" in example.task.read:
            assert short == example.pieces
        else:
            assert "".join(piece.text for piece in example.pieces).startswith("".join(piece.text for piece in short))
            assert short[-1].text == f" subject {example.shots[0]['subject']}"
            assert f" subject {example.shots[0]['subject']}" in short[-1].also


def test_the_file_says_which_subjects_would_please_as_well(
    base: Path, smollm: Pack[LlmManifest], tmp_path: Path
) -> None:
    llm, cutter = tuned_manifest(smollm.manifest, load_recipe().pack), Cutter(base)
    made = list(examples(seed=4, count=30, llm=llm, vocabulary=vocabulary()))
    write_tokens(tmp_path / "t.npz", made, cutter, glances=1.0, seed=1)
    several = 0
    with np.load(tmp_path / "t.npz") as file:
        for number, example in enumerate(made):
            also = file["also"][file["also_starts"][number] : file["also_starts"][number + 1]].tolist()
            short = glance(example.pieces, subjects=example.task.subjects)
            last = cutter.cut([Piece(text=short[-1].text)])[0][-1]
            names = {cutter.cut([Piece(text=text)])[0][-1] for text in short[-1].also}
            assert set(also) == names - {last}
            several += len(also) > 1
    assert several > 5
