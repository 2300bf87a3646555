"""Which llama-cpp-python wheels are built: one for each kind of ARM core that boards have, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass

SHARED = ("-DGGML_NATIVE=OFF", "-DGGML_OPENMP=OFF")  # the machine that compiles is not the one that runs it


@dataclass(frozen=True, kw_only=True)
class Target:
    """A wheel: the instructions it may use, and the emulated core that it has to run on.

    `uses` are the extensions (see tools/wheels/instructions.py) that have to be found in it; no other may be.
    """

    name: str
    boards: str
    march: str
    core: str
    uses: frozenset[str] = frozenset()

    @property
    def cmake_args(self) -> tuple[str, ...]:
        """What tells llama.cpp to build this one."""
        return (*SHARED, f"-DGGML_CPU_ARM_ARCH={self.march}")


TARGETS = (
    Target(name="armv8.0", boards="Pi 3, Pi 4, Zero 2 W", march="armv8-a+crc", core="cortex-a72"),
    Target(
        name="armv8.2",
        boards="Pi 5",
        march="armv8.2-a+dotprod+fp16",
        core="cortex-a76",
        uses=frozenset({"dotprod", "fp16"}),
    ),
)
