"""A reader goes on where it stopped, whatever became of the file meanwhile."""

import os
import random
from pathlib import Path

import pytest

from local.supervisor import logs
from local.supervisor.logs import Place, read_on

MUCH = 1 << 20


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "postgres.log"


def write(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def rotate(log: Path) -> None:
    logs.rotate(log, bytes_max=0)


class Reader:
    def __init__(self, log: Path, bytes_max: int = MUCH) -> None:
        self.log, self.bytes_max, self.place = log, bytes_max, None
        self.place: Place | None

    def read(self) -> str:
        text, self.place = read_on(self.log, self.place, bytes_max=self.bytes_max)
        assert len(text) <= self.bytes_max
        return text.decode()


def test_each_line_is_read_once(log: Path) -> None:
    reader = Reader(log)
    assert reader.read() == ""
    write(log, "one\ntwo\n")
    assert (reader.read(), reader.read()) == ("one\ntwo\n", "")
    write(log, "three\n")
    assert Reader(log).read() == "one\ntwo\nthree\n"
    assert (reader.read(), reader.read()) == ("three\n", "")


def test_a_line_that_is_being_written_waits_for_its_end(log: Path) -> None:
    reader = Reader(log)
    write(log, "one\ntw")
    assert (reader.read(), reader.read()) == ("one\n", "")
    write(log, "o\nthree")
    assert reader.read() == "two\n"


def test_across_a_rotation_nothing_is_missed_or_read_twice(log: Path) -> None:
    """Which keeps the inode: the file is copied away and cut."""
    reader = Reader(log)
    write(log, "one\n")
    assert reader.read() == "one\n"
    write(log, "two\n")
    inode = log.stat().st_ino
    rotate(log)
    assert (log.stat().st_ino, log.stat().st_size) == (inode, 0)
    assert (reader.read(), reader.read()) == ("two\n", "")
    write(log, "three\n")
    assert (reader.read(), reader.read()) == ("three\n", "")
    # Twice, and the file has grown past where the reader stopped in it.
    write(log, "four\n")
    rotate(log)
    write(log, "five, which is longer than what was there before\n")
    assert reader.read() == "four\nfive, which is longer than what was there before\n"


def test_a_place_that_is_no_more_means_to_begin_anew(log: Path) -> None:
    reader = Reader(log)
    write(log, "one\n")
    reader.read()
    for text in ("two\n", "three\n"):
        rotate(log)
        write(log, text)
    assert reader.read() == "two\nthree\n"
    os.truncate(log, 0)  # by somebody else
    write(log, "four\n")
    assert reader.read() == "two\nfour\n"
    log.unlink()
    logs.older(log).unlink()
    assert (reader.read(), reader.place) == ("", None)


def test_so_much_at_a_time(log: Path) -> None:
    reader = Reader(log, bytes_max=10)
    write(log, "one\ntwo\nthree\n" + "x" * 25 + "\nfour\n")
    rotate(log)
    write(log, "five\n")
    found = [reader.read() for _ in range(9)]
    assert "".join(found) == Path(f"{log}.1").read_text() + "five\n"
    assert found[:2] == ["one\ntwo\n", "three\n"]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_in_whatever_order(log: Path, seed: int) -> None:
    """A reader who looks between two rotations reads every whole line once."""
    chance, reader = random.Random(seed), Reader(log, bytes_max=4096)
    written = read = ""
    for number in range(60):
        match chance.randrange(4):
            case 0 | 1:
                line = f"{number} " + "x" * chance.randrange(60) + "\n"
                written += line
                write(log, line)
            case 2:
                read += reader.read()
            case 3:
                read += reader.read()
                if log.exists():
                    rotate(log)
    assert read + reader.read() + reader.read() == written
