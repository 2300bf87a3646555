"""Which bytes a Range header asks for."""

from __future__ import annotations

import pytest

from edge.byte_range import byte_range


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-0", range(1)),
        ("bytes=2-5", range(2, 6)),
        ("bytes=2-", range(2, 10)),
        ("bytes=0-999", range(10)),
        ("bytes=9-9", range(9, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-999", range(10)),
        ("Bytes = 2 - 5", range(2, 6)),
        ("bytes=0000000000000000000000000002-5", range(2, 6)),
        (f"bytes=0-{'9' * 5000}", range(10)),
    ],
)
def test_a_range_is_cut_to_the_file(header: str, wanted: range) -> None:
    assert byte_range(header, size=10) == wanted


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0", f"bytes={'9' * 5000}-"])
def test_bytes_that_the_file_does_not_have_are_an_empty_range(header: str) -> None:
    wanted = byte_range(header, size=10)

    assert wanted is not None and not wanted


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=1-2,4-5",
        "items=1-2",
        "bytes=--3",
        "bytes=٣-٤",
    ],
)
def test_what_is_no_single_range_means_the_whole(header: str) -> None:
    assert byte_range(header, size=10) is None


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-5"])
def test_an_empty_file_has_no_bytes_to_ask_for(header: str) -> None:
    wanted = byte_range(header, size=0)

    assert wanted is not None and not wanted
