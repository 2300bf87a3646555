"""What makes an ARM wheel right: the instructions it may use, the tag it gets, and the flags it is built with."""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tools.wheels.build import PACKAGE, pinned
from tools.wheels.instructions import count, extension_of
from tools.wheels.symbols import missing_on_debian_12, needed, platform_tag, read_elf, versions
from tools.wheels.targets import TARGETS

ELF = """
Dynamic section at offset 0xfd50 contains 28 entries:
 0x0000000000000001 (NEEDED)             Shared library: [libggml-base.so]
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
 0x000000000000000e (SONAME)             Library soname: [libggml.so]

Version definition section '.gnu.version_d' contains 1 entries:
  000000: Rev: 1  Flags: BASE  Index: 1  Cnt: 1  Name: GLIBC_2.99

Version needs section '.gnu.version_r' contains 2 entries:
 Addr: 0x0000000000002b60  Offset: 0x002b60  Link: 4 (.dynstr)
  000000: Version: 1  File: libstdc++.so.6  Cnt: 2
  0x0010:   Name: GLIBCXX_3.4.9  Flags: none  Version: 9
  0x0020:   Name: GLIBCXX_3.4.30  Flags: none  Version: 8
  0x0030: Version: 1  File: libc.so.6  Cnt: 2
  0x0040:   Name: GLIBC_2.17  Flags: none  Version: 6
  0x0050:   Name: GLIBC_2.34  Flags: none  Version: 4
"""


@pytest.mark.parametrize(
    ("mnemonic", "operands", "extension"),
    [
        ("sdot", "v0.4s, v1.16b, v2.4b[0]", "dotprod"),
        ("udot", "v0.4s, v1.16b, v2.16b", "dotprod"),
        ("fmla", "v3.8h, v1.8h, v2.8h", "fp16"),
        ("fmul", "v3.8h, v1.8h, v2.h[3]", "fp16"),
        ("fadd", "h0, h1, h2", "fp16"),
        ("scvtf", "v0.4h, v1.4h", "fp16"),
        ("fcvtzs", "v0.8h, v1.8h", "fp16"),
        ("fmov", "h0, w1", "fp16"),
        ("fmlal", "v0.4s, v1.4h, v2.4h", "fhm"),
        ("smmla", "v0.4s, v1.16b, v2.16b", "i8mm"),
        ("usdot", "v0.4s, v1.16b, v2.16b", "i8mm"),
        ("bfdot", "v0.4s, v1.8h, v2.8h", "bf16"),
        ("ld1w", "{z0.s}, p0/z, [x1]", "sve"),
        ("ptrue", "p0.b", "sve"),
    ],
)
def test_an_extension_is_told_by_its_instructions(mnemonic: str, operands: str, extension: str) -> None:
    assert extension_of(mnemonic, operands) == extension


@pytest.mark.parametrize(
    ("mnemonic", "operands"),
    [
        ("fcvt", "s0, h1"),
        ("fcvtl2", "v0.4s, v1.8h"),
        ("fcvtn", "v0.4h, v1.4s"),
        ("add", "v0.8h, v1.8h, v2.8h"),
        ("smlal", "v0.4s, v1.4h, v2.h[1]"),
        ("ldr", "h0, [x1]"),
        ("fmla", "v0.4s, v1.4s, v2.s[0]"),
        ("fmov", "s0, #1.0e+00"),
        ("ldaddal", "w0, w0, [x1]"),
        ("bl", "1234 <ggml_vec_dot_f16>"),
        ("b.ne", "1234 <sdot+0x10>"),
    ],
)
def test_what_every_arm_core_has_is_no_extension(mnemonic: str, operands: str) -> None:
    assert extension_of(mnemonic, operands) is None


def test_instructions_are_counted_and_the_rest_of_a_disassembly_is_not() -> None:
    text = """
0000000000001000 <sdot>:
    1000:\tsdot\tv0.4s, v1.16b, v2.16b
    1004:\tfadd\th0, h1, h2
    1008:\tret
    100c:\tsdot\tv3.4s, v1.16b, v2.16b
    1010:\t.inst\t0x00000000 ; undefined
"""
    assert count(text.splitlines(keepends=True)) == {"dotprod": 2, "fp16": 1}


def test_a_tag_is_that_of_the_newest_symbol_that_is_needed() -> None:
    assert versions(ELF) == {"GLIBCXX": (3, 4, 30), "GLIBC": (2, 34)}
    assert platform_tag([ELF]) == "manylinux_2_34_aarch64"
    assert platform_tag([ELF.replace("GLIBC_2.34", "GLIBC_2.9"), ELF]) == "manylinux_2_34_aarch64"


def test_no_tag_is_older_than_64_bit_arm() -> None:
    assert platform_tag([re.sub(r"GLIBC_2\.\d+", "GLIBC_2.4", ELF)]) == "manylinux_2_17_aarch64"


def test_what_neither_debian_12_nor_the_wheel_has_is_named() -> None:
    openmp = ELF.replace("[libc.so.6]", "[libgomp.so.1]").replace("GLIBC_2.34", "GLIBC_2.38")

    assert needed(ELF) == {"libggml-base.so", "libc.so.6"}
    assert missing_on_debian_12([ELF], own=["libggml-base.so"]) == []
    assert missing_on_debian_12([openmp], own=["libggml-base.so"]) == ["GLIBC_2.38", "libgomp.so.1"]


def test_a_real_library_is_read(tmp_path: Path) -> None:
    code = tmp_path / "code.c"
    code.write_text('#include <math.h>\n#include <stdio.h>\ndouble f(double x) { puts("f"); return pow(x, x); }\n')
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / "libf.so", code, "-lm"], check=True, timeout=60)
    elf = read_elf(tmp_path / "libf.so", readelf="readelf")

    assert {"libm.so.6", "libc.so.6"} <= needed(elf)
    assert versions(elf)["GLIBC"] <= tuple(int(part) for part in platform.libc_ver()[1].split("."))


def test_each_wheel_is_compiled_for_its_own_core_and_never_for_this_machine() -> None:
    assert [target.uses for target in TARGETS] == [frozenset(), {"dotprod", "fp16"}]
    for target in TARGETS:
        assert f"-DGGML_CPU_ARM_ARCH={target.march}" in target.cmake_args
        assert "-DGGML_NATIVE=OFF" in target.cmake_args
        assert set(target.march.split("+")[1:]) - {"crc"} == target.uses


def test_the_version_is_the_one_that_boards_are_tested_with() -> None:
    assert pinned(PACKAGE) in (CHECKOUT / "requirements.lock").read_text(encoding="utf-8").splitlines()
