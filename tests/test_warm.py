"""`edgereel warm`: the list on the command line, and the daemon that makes it in idle time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.hot import MAX_CRASHES, HotPrompt, HotPrompts
from edge.jobqueue import JobQueue, queue_file
from edge.wire import Origin
from tests.boards import Board, tiny_settings
from tests.conftest import Cli
from tests.mosquitto import Listener, Mosquitto
from tests.queues import opened
from tests.test_daemon import REQ, online
from tests.test_daemon_library import ask, done, reused

PROMPTS = "# hot\n\ntwo blue fish in the deep sea\na red balloon rises\n"


@pytest.fixture
def hot(tmp_path: Path) -> Iterator[HotPrompts]:
    with opened(tmp_path) as queue:
        yield queue.library.hot


def states(hot: HotPrompts) -> list[str]:
    return [row.state for row in hot.rows()]


def test_a_list_is_gone_through_in_its_order(hot: HotPrompts) -> None:
    assert hot.add(["a", "b"], mode="auto", seconds=None) == (2, 0)
    first = hot.next()
    assert first and first.prompt == "a"
    hot.done(first.seq, key="k", clip="c")
    second = hot.next()
    assert second and second.prompt == "b"
    hot.fail(second.seq, "no")
    assert (hot.next(), states(hot), hot.counts()) == (None, ["done", "failed"], {"done": 1, "failed": 1})


def test_a_prompt_is_on_the_list_once_for_each_mode_and_length(hot: HotPrompts) -> None:
    for _ in range(2):
        hot.add(["a", "a"], mode="auto", seconds=None)
        hot.add(["a"], mode="lite", seconds=None)
        hot.add(["a"], mode="lite", seconds=2.0)
    assert len(hot.rows()) == 3


def test_one_that_failed_or_whose_clip_is_gone_is_made_again_when_it_is_added_again(hot: HotPrompts) -> None:
    hot.add(["failed", "gone", "waits"], mode="auto", seconds=None)
    hot.fail(1, "no")
    hot.done(2, key="k", clip="cleared-away")
    assert hot.add(["failed", "gone", "waits"], mode="auto", seconds=None) == (0, 2)
    assert states(hot) == ["waiting"] * 3


def test_what_kills_the_engine_is_given_up(hot: HotPrompts) -> None:
    hot.add(["a"], mode="auto", seconds=None)
    for number in range(1, MAX_CRASHES + 1):
        hot.begin(1)
        hot.crash(1, "killed")
        assert states(hot) == ["waiting" if number < MAX_CRASHES else "failed"]


def test_one_that_was_being_made_when_the_power_went_is_made_again(tmp_path: Path) -> None:
    with opened(tmp_path) as queue:
        queue.library.hot.add(["a"], mode="auto", seconds=None)
        queue.library.hot.begin(1)
    with opened(tmp_path) as queue:
        row = queue.library.hot.next()
        assert row and row.prompt == "a"


def test_to_look_makes_no_queue(cli: Cli, board: list[str], tmp_path: Path) -> None:
    assert "The list is empty" in cli("warm", "--status", *board).out
    assert not (tmp_path / "state").exists()


def test_the_command_adds_lists_and_clears(cli: Cli, board: list[str], tmp_path: Path) -> None:
    (tmp_path / "hot.txt").write_text(PROMPTS)
    first = cli("warm", "hot.txt", "--mode", "lite", *board)
    assert first.code == 0, first.err
    assert "New on the list: 2, there already: 0" in first.out
    assert "No daemon runs here" in first.out
    assert "New on the list: 0, there already: 2" in cli("warm", "hot.txt", "--mode", "lite", *board).out
    listed = cli("warm", "--list", *board).out
    assert "two blue fish in the deep sea" in listed and "waiting" in listed
    told = json.loads(cli("warm", "--list", "--json", *board).out)
    assert (told["waiting"], told["done"], told["daemon"], len(told["prompts"])) == (2, 0, False, 2)
    assert "Taken off the list: 2" in cli("warm", "--clear", *board).out
    assert "The list is empty" in cli("warm", *board).out


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ("", (), "There is no prompt in"),
        ("a fish\n" + "x" * 3000, (), "Prompt 2 of hot.txt: The prompt has 3000 characters"),
        ("a fish", ("--mode", "best"), "Prompt 1 of hot.txt: mode 'best' is not known"),
        ("a fish", ("--clear",), "--clear empties the list, and FILE fills it"),
    ],
)
def test_a_list_that_cannot_be_made_is_refused_as_a_whole(
    cli: Cli, board: list[str], tmp_path: Path, content: str, options: tuple[str, ...], said: str
) -> None:
    (tmp_path / "hot.txt").write_text(content)
    told = cli("warm", "hot.txt", *options, *board)
    assert told.code == 3
    assert said in told.err


@pytest.fixture
def served(tmp_path: Path, server: Mosquitto) -> Iterator[Callable[..., Board]]:
    boards = []

    def serve(*values: str, fake: bool = False) -> Board:
        board = Board(tmp_path, server, "library.reuse=same", "library.warm_after_s=0.2", *values, fake=fake)
        boards.append(board)
        board.start()
        return board

    yield serve
    for board in boards:
        board.end()
        print(board.log.read_text())


def listed(board: Board, *prompts: str, mode: str = "lite", seconds: float | None = 0.5) -> list[HotPrompt]:
    with closing(JobQueue(queue_file(tiny_settings(board.folder)), origin=Origin(node="t", boot="t"))) as queue:
        queue.library.hot.add(prompts, mode=mode, seconds=seconds)
        return queue.library.hot.rows()


def wait_load(seen: Listener, **counts: int) -> None:
    """Until the board says so of its list."""

    def says(message: dict[str, dict[str, dict[str, int]]]) -> bool:
        warm = message["body"].get("warm") if str(message["topic"]).endswith("n1/load") else None
        return bool(warm) and all(warm.get(name, 0) == count for name, count in counts.items())

    seen.wait(says, timeout_s=120)


def test_hot_prompts_are_made_while_nothing_else_is_to_do_and_answer_at_once(
    served: Callable[..., Board], server: Mosquitto, seen: Listener
) -> None:
    board = served()
    online(seen)
    listed(board, "two blue fish in the deep sea", "in the deep sea two blue fish", "a red balloon rises")
    wait_load(seen, done=3)
    assert [m for m in seen.messages() if "/job/" in m["topic"] or m["topic"].endswith("/event")] == []
    clips = {row.prompt: row.clip for row in listed(board)}
    assert clips["two blue fish in the deep sea"] == clips["in the deep sea two blue fish"]  # the same plan
    ask(server, "k", "In the deep sea, two blue fish", seconds=0.5)
    ask(server, "l", "a red balloon rises", seconds=0.5)
    assert reused(done(seen, "l"))["from"] == clips["a red balloon rises"]
    done(seen, "k")


def test_a_real_request_goes_first_and_the_hot_prompt_is_made_later(
    served: Callable[..., Board], server: Mosquitto, seen: Listener
) -> None:
    board = served(fake=True)
    online(seen)
    listed(board, "long", mode="lite")
    wait_load(seen, making=1)
    server.publish(REQ, '{"id":"real","prompt":"a fish","mode":"lite"}')
    seen.wait_state("real", "done", timeout_s=20)
    assert listed(board)[0].state in {"waiting", "making"}
    assert listed(board)[0].crashes == 0


def test_nothing_is_made_while_the_board_may_not_do_its_best_and_then_it_is(
    served: Callable[..., Board], server: Mosquitto, seen: Listener
) -> None:
    board = served(fake=True)
    online(seen)
    server.publish("edgereel/v1/node/n1/mode/set", "lite")
    seen.wait(lambda m: m["topic"].endswith("n1/mode") and m["body"].get("effective") == "lite")
    listed(board, "a fish", mode="direct")
    wait_load(seen, waiting=1)
    loads = len([m for m in seen.messages() if m["topic"].endswith("n1/load")])
    seen.wait(lambda _: len([m for m in seen.messages() if m["topic"].endswith("n1/load")]) > loads + 4)
    assert listed(board)[0].state == "waiting"
    server.publish("edgereel/v1/node/n1/mode/set", "auto")
    wait_load(seen, done=1)
