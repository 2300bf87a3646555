"""The pure parts of the measurements: figures, the look whether it is quiet, what is kept, bars and tables."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bench import bars, llm, llm_peers
from bench.child import call
from bench.figures import digits, line_error, paired, percentile, smallest, spread, take_turns
from bench.measures import MEASURES
from bench.quiet import MOST, Busy, is_quiet, others, wait_until_quiet
from bench.store import CODE, LLM_CODE, Record, Row, code_digest, counts, load, save
from bench.table import results
from tests.conftest import CHECKOUT

RECORD = Record(name="clips", at="now", seconds=1, code="c", quick=False, noisy=False, others=0, rows=[])


def measured(name: str, *rows: tuple[str, str, float]) -> dict[str, Record]:
    cells = [Row(way=way, column=column, unit="s", values=[value]) for way, column, value in rows]
    return {name: replace(RECORD, name=name, rows=cells)}


def verdict(promise: str, records: dict[str, Record]) -> bool | None:
    return next(one.reached for one in bars.judge(records) if promise in one.promise)


def test_a_spread_is_told_where_there_is_one() -> None:
    assert spread([3.0, 1.0, 2.0]).text() == "2.00 (1.00–3.00)"
    assert spread([2.0]).text() == "2.00"
    assert spread([93.81, 93.8]).text() == "93.8"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.00123, "0.00123"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123"), (12345, "12345")],
)
def test_three_digits_count(value: float, text: str) -> None:
    assert digits(value) == text


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile([7], 0.99) == 7


def test_every_way_runs_once_a_round_and_after_another_one_each_time() -> None:
    turns = list(take_turns(20, "abcd"))
    orders = [[way for number, way in turns if number == one] for one in range(20)]
    assert all(sorted(order) == list("abcd") for order in orders)
    before_a = {order[order.index("a") - 1] for order in orders if order[0] != "a"}
    assert before_a == {"b", "c", "d"}
    assert turns == list(take_turns(20, "abcd"))


def test_a_machine_that_slows_down_slows_both_of_a_pair() -> None:
    assert paired([50, 40, 99], [100, 80, 50]) == 0.5


@pytest.mark.parametrize("need", [100, 101, 356, 356.5, 500])
def test_halving_finds_the_smallest_size_that_works(need: float) -> None:
    asked: list[int] = []

    def works(size: int) -> bool:
        asked.append(size)
        return size >= need

    found = smallest(works, low=100, high=500, step=16)
    assert found == next(size for size in range(100, 501, 16) if size >= min(need, 500 - 500 % 16 + 4))
    assert len(asked) == len(set(asked)) <= 6


def test_where_nothing_works_there_is_no_smallest() -> None:
    assert smallest(lambda _: False, low=100, high=500, step=100) is None


def test_a_line_is_a_line_and_a_curve_is_not() -> None:
    assert line_error([(2, 3), (4, 5), (60, 61)]) == pytest.approx(0)
    assert line_error([(2, 4), (30, 1100), (60, 3600)]) > 0.5


def test_what_this_process_did_does_not_count_as_others() -> None:
    before = Busy(clock_s=0, worked_s=100, own_s=10)
    after = Busy(clock_s=10, worked_s=112, own_s=21)
    assert others(before, after) == pytest.approx(0.1)
    assert others(before, replace(after, own_s=10)) == pytest.approx(1.2)


def test_a_busy_machine_is_waited_for_and_then_told() -> None:
    looks = iter([1.0, 0.5, 0.01])
    assert is_quiet(wait_until_quiet(patience_s=60, look=lambda: next(looks)))
    assert not is_quiet(wait_until_quiet(patience_s=0, look=lambda: MOST + 0.01))


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = replace(RECORD, rows=[Row(way="a", column="b", unit="s", values=[1.5], note="n")])
    save(record, folder=tmp_path)
    assert load("clips", folder=tmp_path) == record
    (tmp_path / "clips.json").write_text("{")
    assert load("clips", folder=tmp_path) is None


def test_a_record_counts_unless_it_is_of_other_code_failed_or_worse_than_asked_for() -> None:
    assert counts(RECORD, code="c", quick=False, noisy=False)
    assert not counts(None, code="c", quick=True, noisy=True)
    assert not counts(RECORD, code="d", quick=False, noisy=False)
    assert not counts(replace(RECORD, error="no"), code="c", quick=True, noisy=True)
    for field in ("quick", "noisy"):
        worse = replace(RECORD, **{field: True})
        assert not counts(worse, code="c", quick=False, noisy=False)
        assert counts(worse, code="c", quick=True, noisy=True)


def test_other_code_has_another_digest(tmp_path: Path) -> None:
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge/a.py").write_text("1")
    before = code_digest(root=tmp_path)
    (tmp_path / "edge/a.py").write_text("2")
    assert code_digest(root=tmp_path) != before


def test_the_generators_code_does_not_make_what_was_measured_of_the_language_model_old(tmp_path: Path) -> None:
    (tmp_path / "edge/video").mkdir(parents=True)
    (tmp_path / "edge/llm.py").write_text("1")
    before = {patterns: code_digest(patterns, root=tmp_path) for patterns in (CODE, LLM_CODE)}
    (tmp_path / "edge/video/a.py").write_text("2")
    assert code_digest(CODE, root=tmp_path) != before[CODE]
    assert code_digest(LLM_CODE, root=tmp_path) == before[LLM_CODE]


def test_a_bar_is_reached_missed_or_not_measured() -> None:
    promise = "10 times llama-server"
    assert verdict(promise, {}) is None
    assert verdict(promise, measured("llm-contended", (llm.OURS, llm.DRAWN, 30), (llm.SERVER, llm.DRAWN, 2))) is True
    assert verdict(promise, measured("llm-contended", (llm.OURS, llm.DRAWN, 19), (llm.SERVER, llm.DRAWN, 2))) is False


def test_the_best_thread_count_is_the_one_to_reach() -> None:
    bench = "llama-bench, our options, {} threads"
    others = [(bench.format(1), llm.WRITES, 50.0), (bench.format(2), llm.WRITES, 80.0)]
    own = "llama-bench, its options, 1 threads"
    for ours, reached in ((79.0, True), (70.0, False)):
        beside = [(way, llm.beside(llm.WRITES), ours) for way in (bench.format(2), own)]
        records = measured("llm-speed", (llm.OURS, llm.WRITES, 99.0), *others, (own, llm.WRITES, 90.0), *beside)
        assert verdict("writes at least 97 %", records) is reached


def test_edgereel_runs_directly_beside_each_peer_and_by_turns_with_a_rival() -> None:
    ran: list[str] = []

    def way(name: str, every_s: float) -> dict[str, float]:
        ran.append(name)
        if name == "broken":
            raise RuntimeError("no such program")
        return {"read": len(ran), "written": 10, "pss_mib": 1 / every_s}

    def dies() -> llm.Turns:
        raise RuntimeError("it died")

    ways = {name: partial(way, name) for name in (llm.OURS, "peer", "broken", "rival", "dead")}
    turns = {"-n": {"ours": [3.0, 4.0], "theirs": [5.0, 6.0]}}
    rows = llm._rows(ways, rounds=2, rivals={"rival": lambda: turns, "dead": dies})
    found = {(row.way, row.column): row.values for row in rows}
    pairs = zip(found["peer", llm.READS], found["peer", llm.beside(llm.READS)], strict=True)
    assert [abs(own - other) for own, other in pairs] == [1, 1]
    assert (ran.count("broken"), ran.count("rival")) == (1, 1)
    assert found["peer", "peak PSS"] == found["rival", "peak PSS"] == [10]
    assert (found["rival", llm.WRITES], found["rival", llm.beside(llm.WRITES)]) == ([5.0, 6.0], [3.0, 4.0])
    assert found[llm.OURS, llm.WRITES][-2:] == [3.0, 4.0]
    assert {row.way: row.note for row in rows if row.note} == {
        "broken": "failed: no such program", "dead": "failed: it died"
    }  # fmt: skip


def test_a_rival_does_nothing_in_the_turns_that_are_not_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for llama-bench that counts, fifty times a second, into a file; it warms up for a tenth of a second."""
    monkeypatch.setattr(llm_peers, "BIN", tmp_path)
    counted, program = tmp_path / "counted", tmp_path / "llama-bench"
    program.write_text(
        f"#!{sys.executable}\nimport sys, time\n"
        f"for test in sys.argv[sys.argv.index('-n') + 1].split(','):\n"
        "    for number in range(15):\n"
        "        time.sleep(0.02)\n"
        f"        open({str(counted)!r}, 'a').write('x')\n"
        "    print('{\"avg_ts\": %s}' % test, flush=True)\n"
    )
    program.chmod(0o755)
    with llm_peers.stepped(tmp_path / "m", threads=1, options=(), test="-n", count=7, times=2) as step:
        for done in (15, 30):
            assert step() == 7
            time.sleep(0.2)
            assert counted.stat().st_size - done <= 1
        with pytest.raises(RuntimeError, match="ended early"):
            step()


def test_a_long_clip_is_judged_by_memory_and_by_the_line() -> None:
    lengths = (2, 4, 15, 60)
    line = [(f"{x} s clip", "draws", 1 + x / 4) for x in lengths]
    records = measured("clips", *line, ("2 s clip", "peak PSS", 200), ("60 s clip", "peak PSS", 215))
    assert verdict("more memory than a 2 s clip", records) is True
    assert verdict("grows in a line", records) is True
    curve = measured("clips", *[(f"{x} s clip", "draws", 1 + x * x / 4) for x in lengths], ("2 s clip", "peak PSS", 200),
                     ("60 s clip", "peak PSS", 230))  # fmt: skip
    assert verdict("more memory than a 2 s clip", curve) is False
    assert verdict("grows in a line", curve) is False


def test_the_page_tells_noise_failures_and_what_is_missing() -> None:
    fine, failed, missing = MEASURES[:3]
    rows = [
        Row(way="a", column="reads", unit="tokens/s", values=[1, 2, 3]),
        Row(way="b", column="reads", unit="tokens/s", note="died"),
    ]
    found = [(fine, replace(RECORD, rows=rows)), (failed, replace(RECORD, error="E: why")), (missing, None)]
    page = results(found, bars.judge({}), [("processor", "x|y")])
    assert "2.00 (1.00–3.00)" in page
    assert "b: died." in page
    assert "Failed: E: why" in page
    assert "Not measured." in page
    assert "Noisy" not in page and "has changed since" not in page
    assert "has changed since" in results(found, [], [], older={fine.name})
    noisy = results([(fine, replace(RECORD, noisy=True, quick=True))], [], [])
    assert "**Noisy" in noisy
    assert "**Quick" in noisy


def test_every_measurement_has_a_name_of_its_own() -> None:
    names = [one.name for one in MEASURES]
    assert len(set(names)) == len(names)


def test_a_child_tells_what_it_found_and_how_it_died() -> None:
    told = call("bench.figures:digits", {"value": 2}, timeout_s=30)
    assert (told.code, told.check()) == (0, "2.00")
    died = call("bench.figures:spread", {"values": []}, timeout_s=30)
    assert died.code
    with pytest.raises(RuntimeError, match="median"):
        died.check()
    slow = call("bench.quiet:look", {"seconds": 30}, timeout_s=1)
    assert slow.code
    assert "not done after 1 s" in slow.why


def test_help_teaches_and_an_unknown_name_is_told() -> None:
    command = [sys.executable, "-m", "bench"]
    said = subprocess.run([*command, "--help"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    assert "make bench" in said
    assert "--noisy" in said
    wrong = subprocess.run([*command, "--only", "nothing"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert "llm-speed" in wrong.stderr
