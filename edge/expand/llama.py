"""A language model in memory, through llama.cpp: it continues tokens freely, or makes the choices that a grammar leaves."""

from __future__ import annotations

import ctypes
import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from llama_cpp import Llama
from numpy.typing import NDArray

from edge.cpu import SHORTEST_S, FreeCores
from edge.errors import EngineError, ModelError
from edge.expand.choices import start, walk
from edge.expand.prefix import PrefixFile
from edge.manifest import BATCH_TOKENS, CONTEXT_TOKENS, LlmManifest
from edge.memory import read_process
from edge.packs import Pack, verified_file
from edge.stop import Stop
from edge.weights import give_back, locked, room_to_lock_mib

REPACKED_SHARE = 0.4  # of the file, in anonymous memory: most layers were copied
ROOT = Path("/")
MIB = 1 << 20
MIN_P = 0.1  # what is less likely than this share of the likeliest is not drawn
KV_TYPES = {"q8_0": 8, "f16": 1}  # ggml types; the value cache needs flash attention for Q8_0
# A C function that reads the stop flag without taking the interpreter lock: strlen of the flag's two bytes is 0 until
# the first one is set. A Python callback would take the lock some 600 times per token.
_READ_FLAG = ctypes.cast(ctypes.CDLL(None).strlen, llama_cpp.ggml_abort_callback)


class LanguageModel:
    """One loaded model with one context. Not for more than one thread."""

    def __init__(self, llm: Llama, *, stop: Stop, prefix_file: PrefixFile, cores: Collection[int] = ()) -> None:
        self._llm = llm
        self._cores = FreeCores(cores=cores) if cores else None
        self._looked = time.monotonic()
        self._written, self._drawn, self._writing_s = 0, 0, 0.0
        self._stop = stop
        self._prefix_file = prefix_file
        self._vocab = llama_cpp.llama_model_get_vocab(llm.model)
        turn_end = llama_cpp.llama_vocab_eot(self._vocab)
        self._end = int(turn_end if turn_end >= 0 else llama_cpp.llama_vocab_eos(self._vocab))
        llama_cpp.llama_set_abort_callback(llm.ctx, _READ_FLAG, ctypes.addressof(stop.buffer))

    def tokens(self, text: str, *, control: bool) -> list[int]:
        """Tokens of a text. With `control` false, marks such as <|im_end|> in it are plain text and mean nothing."""
        return list(self._llm.tokenize(text.encode("utf-8", "ignore"), add_bos=False, special=control))

    def text(self, tokens: Sequence[int]) -> str:
        """The text of tokens, control marks written out."""
        return str(self._llm.detokenize(list(tokens), special=True).decode("utf-8", "ignore"))

    def start(self, prefix: list[int]) -> bool:
        """Bring the context to the state after `prefix`, from the saved file when there is a good one.

        Returns whether it came from the file. Raises Cancelled or Preempted.
        """
        self._llm.n_tokens = 0
        if self._prefix_file.restore(self._llm.ctx, prefix):
            self._llm.input_ids[: len(prefix)] = prefix
            self._llm.n_tokens = len(prefix)
            return True
        with self._abortable():
            self._llm.eval(prefix)
        self._prefix_file.save(self._llm.ctx, prefix)
        return False

    @property
    def usage(self) -> dict[str, float]:
        """The tokens written so far, how many of them were drawn and not forced, and how many were written a second.

        The time includes the reading of what stands before the first.
        """
        speed = self._written / max(self._writing_s, 1e-9)
        return {"tokens": self._written, "tokens_drawn": self._drawn, "tokens_per_s": speed}

    def room(self, used: int) -> int:
        """How many more tokens the context can hold after `used` ones."""
        return int(self._llm.n_ctx()) - used

    def write(
        self,
        context: Sequence[int],
        *,
        most: int,
        seed: int,
        temperature: float,
        repeat_penalty: float = 1.0,
        until: str = "",
        on_token: Callable[[int], None] | None = None,
    ) -> list[int]:
        """Continue `context` by at most `most` tokens, to the end of the turn or before the text `until`.

        What the context shares with the one before is not computed again. Raises Cancelled, Preempted, EngineError.
        """
        written: list[int] = []
        self._llm.set_seed(seed)
        began = time.monotonic()
        with self._abortable():
            stream = self._llm.generate(list(context), temp=temperature, repeat_penalty=repeat_penalty, min_p=MIN_P)
            for token in stream:
                self._stop.check()
                self._follow_cores()
                if llama_cpp.llama_vocab_is_eog(self._vocab, token):
                    break
                if until and until in self.text([*written[-8:], token]):
                    break
                written.append(token)
                if on_token is not None:
                    on_token(len(written))
                if len(written) >= min(most, self.room(len(context))):
                    break
        self._written += len(written)
        self._drawn += len(written)
        self._writing_s += time.monotonic() - began
        return written

    def choose(
        self,
        context: Sequence[int],
        gbnf: str,
        *,
        most: int,
        seed: int,
        temperature: float,
        on_token: Callable[[int], None] | None = None,
    ) -> list[int]:
        """Continue `context` by at most `most` tokens as a grammar allows (see edge/expand/choices.py).

        The model is asked only where there is a choice, and then only about the tokens that may come; forced text is
        read in one go with the choice before it. Raises Cancelled, Preempted, EngineError.
        """
        began, rng = time.monotonic(), np.random.default_rng(seed)
        most = min(most, self.room(len(context)))
        known: dict[str, list[int]] = {"": [self._end]}

        def cut(text: str) -> list[int]:
            if text not in known:
                known[text] = self.tokens(text, control=False)
            return known[text]

        def pick(written: list[int], among: list[int]) -> int:
            if on_token is not None:
                on_token(min(len(written), most))
            return self._pick([*context, *written], among, temperature=temperature, rng=rng)

        with self._abortable():
            written = walk(start(gbnf), most=most, tokens=cut, pick=pick)
        if written and written[-1] == self._end:
            written.pop()
        self._written += len(written)
        self._writing_s += time.monotonic() - began
        return written

    def _pick(
        self, context: Sequence[int], among: Sequence[int], *, temperature: float, rng: np.random.Generator
    ) -> int:
        """One of the tokens `among`, drawn by how likely each is after `context`."""
        self._stop.check()
        self._follow_cores()
        self._read(context)
        size = llama_cpp.llama_vocab_n_tokens(self._vocab)
        logits = np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(self._llm.ctx, -1), shape=(size,))
        self._drawn += 1
        return among[draw(logits[list(among)], temperature=temperature, rng=rng)]

    def _read(self, context: Sequence[int]) -> None:
        """Compute the logits after `context`; what it shares with the one before is not computed again."""
        have, wanted = self._llm.input_ids[: self._llm.n_tokens], np.asarray(context[:-1])
        shared = min(len(have), len(wanted))
        other = np.flatnonzero(have[:shared] != wanted[:shared])
        self._llm.n_tokens = int(other[0]) if len(other) else shared
        self._llm.eval(list(context[self._llm.n_tokens :]))

    def _follow_cores(self) -> None:
        """Use as many threads as there are cores that others leave free; asked at every token, looked at now and then."""
        now = time.monotonic()
        if self._cores is None or now - self._looked < SHORTEST_S:
            return
        self._looked = now
        threads = self._cores.count()
        if threads != llama_cpp.llama_n_threads(self._llm.ctx):
            llama_cpp.llama_set_n_threads(self._llm.ctx, threads, threads)

    @contextmanager
    def _abortable(self) -> Iterator[None]:
        """Native errors out of the block: a stop if one was asked for, else an EngineError."""
        try:
            yield
        except (RuntimeError, ValueError) as exc:
            self._stop.check()
            raise EngineError(
                f"The language model failed: {exc}.", hint="Try again; if it stays so, use mode direct."
            ) from exc


def draw(logits: NDArray[np.float32], *, temperature: float, rng: np.random.Generator) -> int:
    """The number of one of the logits [n]: the highest at temperature 0, else by lot; only what reaches MIN_P takes part."""
    if temperature <= 0.0:
        return int(logits.argmax())
    shares = np.exp(logits.astype(np.float64) - logits.max())
    shares = np.where(shares >= MIN_P, shares, 0.0) ** (1 / temperature)
    return int(rng.choice(len(shares), p=shares / shares.sum()))


@contextmanager
def open_llama(
    pack: Pack[LlmManifest], *, threads: int, small_board: bool, cache: Path, stop: Stop, cores: Collection[int] = ()
) -> Iterator[LanguageModel]:
    """Prove the file, map it, hold it in memory, and give the model for the time of the `with` block.

    On a board with room llama.cpp may compute with a repacked copy: then the file is not locked but dropped.

    Raises ModelError when the file is missing, truncated, damaged, or not one that llama.cpp can load.
    """
    manifest = pack.manifest
    path = verified_file(pack, manifest.file, cache=cache)
    stop.check()
    with ExitStack() as stack:
        if small_board:  # before the load, which then finds every page in memory
            stack.enter_context(locked([path], room_mib=room_to_lock_mib()))
        before = read_process(ROOT).get("anonymous_mib", 0.0)
        llm = _load(path, manifest, threads=threads, repack=not small_board)
        stack.callback(llm.close)
        grown = read_process(ROOT).get("anonymous_mib", 0.0) - before
        if grown > REPACKED_SHARE * path.stat().st_size / MIB:
            give_back(path)
        elif not small_board:
            stack.enter_context(locked([path], room_mib=room_to_lock_mib()))
        logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL)  # an aborted run is no error to print
        prefix_file = PrefixFile(cache, pack=manifest.name, salt=_salt(pack))
        yield LanguageModel(llm, stop=stop, prefix_file=prefix_file, cores=cores)


def _load(path: Path, manifest: LlmManifest, *, threads: int, repack: bool) -> Llama:
    try:
        with _model_defaults(repack=repack):
            return Llama(
                str(path),
                n_ctx=min(CONTEXT_TOKENS, manifest.context_tokens),
                n_batch=BATCH_TOKENS,
                n_ubatch=BATCH_TOKENS,
                n_threads=threads,
                n_threads_batch=threads,
                flash_attn=True,
                type_k=KV_TYPES[manifest.kv_type],
                type_v=KV_TYPES[manifest.kv_type],
                use_mmap=True,
                use_mlock=False,  # with repacking it would lock the copy in the file that is no longer read
                verbose=False,
            )
    except (RuntimeError, ValueError, OSError, AssertionError) as exc:
        raise ModelError(
            f"Model {manifest.name}: llama.cpp cannot load {path}: {exc}.",
            hint="Is it a GGUF file of a kind that this llama.cpp knows? Is enough memory free?",
        ) from exc


@contextmanager
def _model_defaults(*, repack: bool) -> Iterator[None]:
    """While a model loads: whether llama.cpp may copy the weights into a second, faster form in anonymous memory.

    On a small board that copy is what does not fit (https://github.com/ggml-org/llama.cpp/issues/19578). The switch,
    `use_extra_bufts`, is a field of the model parameters that Llama() does not pass on, so the defaults are wrapped.
    """
    library: Any = llama_cpp.llama_cpp
    original = library.llama_model_default_params

    def without_repack() -> Any:
        params = original()
        params.use_extra_bufts = repack
        return params

    library.llama_model_default_params = without_repack
    try:
        yield
    finally:
        library.llama_model_default_params = original


def _salt(pack: Pack[LlmManifest]) -> str:
    """What a saved state depends on beside its tokens."""
    weights = pack.wanted(pack.manifest.file).sha256
    kv_type = KV_TYPES[pack.manifest.kv_type]
    return f"{weights} {llama_cpp.__version__} {CONTEXT_TOKENS} {BATCH_TOKENS} {kv_type}"
