"""The single steps of a conversion; convert.py has their order. Each gives facts for the report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from edge.errors import ModelError
from edge.manifest import file_sha256
from tools.convert.llm import converter, parity, vocabulary
from tools.convert.llm.llamacpp import Source
from tools.convert.llm.order import Look, Order
from tools.convert.llm.quantise import group_errors, quantise
from tools.convert.llm.silence import quiet
from tools.convert.soundness import check_weights
from tools.convert.steps import Facts, Progress
from tools.convert.target import drop_work


@dataclass(frozen=True, kw_only=True)
class Work:
    """One conversion: what was asked for, what was seen, and llama.cpp's converter."""

    order: Order
    seen: Look
    source: Source

    @property
    def saved(self) -> Path:
        """The file of what transformers said."""
        return self.order.work / "reference.npz"

    def stamps(self) -> tuple[object, ...]:
        """What tells that no file has changed since it was hashed."""
        stats = ((path.name, path.stat()) for path in self.seen.checkpoint.files)
        return tuple((name, stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stats)

    def hashes(self) -> Facts:
        """Sha256 of every input."""
        return {path.name: file_sha256(path) for path in self.seen.checkpoint.files}

    def sound(self, tell: Progress) -> Facts:
        """Weights that are no numbers end the whole work: nothing of it is left."""
        checkpoint = self.seen.checkpoint
        try:
            return {
                "largest": check_weights(
                    checkpoint.weights, parameters=checkpoint.parameters, where=checkpoint.folder, progress=tell
                )
            }
        except ModelError:
            drop_work(self.order.work)
            raise

    def tokens(self) -> Facts:
        """A GGUF file with the vocabulary alone takes seconds, and shows whether the tokens will be right."""
        order, architecture = self.order, self.seen.checkpoint.architecture
        path = order.work / "vocabulary.gguf"
        found = converter.convert(
            order.folder, path, source=self.source, log=order.work / "vocabulary.log", vocabulary_only=True,
            pre=f"={order.pre}" if order.pre else vocabulary.usual(architecture),
        )  # fmt: skip
        try:
            return asdict(
                vocabulary.settle(
                    path, self.seen.speech.cut, name=found.name, how=found.how, architecture=architecture,
                    mixtures=self.seen.speech.mixtures(),
                )
            )  # fmt: skip
        finally:
            path.unlink()

    def to_gguf(self, out: Path, *, kind: str, pre: str, tell: Progress) -> Facts:
        """The whole model in 16 bits (32 where a weight is too large for that)."""
        log = self.order.work / "convert.log"
        converter.convert(self.order.folder, out, source=self.source, log=log, pre=f"={pre}", kind=kind, progress=tell)
        return {}

    def reference(self, tell: Progress) -> Facts:
        """What transformers says, kept in a file for a run that goes on later."""
        speech, text = self.seen.speech, self.order.text
        tokens = speech.cut(text.read_text(encoding="utf-8", errors="replace")) if text else []
        windows = parity.windows_of(tokens, most=self.order.text_tokens)
        found = parity.reference(self.order.folder, speech.prompts(), windows, full=self.seen.needs.full, progress=tell)
        save_reference(self.saved, found)
        return {}

    def quantise(self, exact: Path, model: Path, kind: str) -> Facts:
        """Fewer bits."""
        quantise(exact, model, kind=kind, threads=self.order.threads)
        return {}

    def errors(self, exact: Path, model: Path) -> Facts:
        """How far the weights moved."""
        return {"rows": [asdict(row) for row in group_errors(exact, model, source=self.source)]}

    def parity(self, model: Path, *, kind: str, cache: str, tell: Progress) -> Facts:
        """Whether it still says what the checkpoint says."""
        with quiet():
            wanted, threads = load_reference(self.saved), self.order.threads
            found = parity.compare(model, wanted, cache=cache, threads=threads, progress=tell)
        parity.check(found, kind=kind, path=model)
        return asdict(found)


def save_reference(path: Path, found: parity.Reference) -> None:
    """Write it as arrays."""
    arrays = {f"tokens{number}": np.array(row) for number, row in enumerate(found.tokens)}
    arrays |= {f"logits{number}": rows for number, rows in enumerate(found.logits)}
    arrays |= {f"window{number}": np.array(row) for number, row in enumerate(found.windows)}
    np.savez(path, allow_pickle=False, loss=np.array(np.nan if found.loss is None else found.loss), **arrays)


def load_reference(path: Path) -> parity.Reference:
    """Read it again."""
    with np.load(path) as file:

        def rows(kind: str) -> list[np.ndarray]:
            return [file[f"{kind}{number}"] for number in range(sum(name.startswith(kind) for name in file))]

        loss = float(file["loss"])
        return parity.Reference(
            tokens=[row.tolist() for row in rows("tokens")], logits=rows("logits"),
            windows=[row.tolist() for row in rows("window")], loss=None if np.isnan(loss) else loss,
        )  # fmt: skip
