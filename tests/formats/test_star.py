"""STAR tables: layouts seen in the field, what RELION reads, and what must be refused."""

from __future__ import annotations

import random
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vitreous.core.errors import DataError, UsageError, VitreousError
from vitreous.formats.star import StarBlock, read_star, write_star

PARTICLES = """
# version 30001

data_particles

loop_
_rlnImageName #1
_rlnDefocusU #2 [Å]
1@a.mrcs 10000.5
2@a.mrcs\t 1.2e4


# version 30001
data_optics

_rlnVoltage   300.0   # kV
_rlnOpticsGroupName  "my group"
"""


def star(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "t.star"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("tail", ["", "\n", "\n\n"])
def test_reads_loops_and_pairs(tmp_path: Path, ending: str, tail: str) -> None:
    blocks = read_star(star(tmp_path, (PARTICLES.rstrip() + tail).replace("\n", ending)))
    assert list(blocks) == ["particles", "optics"]
    particles, optics = blocks["particles"], blocks["optics"]
    assert particles.loop
    assert len(particles) == 2
    assert list(particles.text("rlnImageName")) == ["1@a.mrcs", "2@a.mrcs"]
    np.testing.assert_array_equal(particles.numbers("rlnDefocusU"), [10000.5, 12000.0])
    assert not optics.loop
    assert optics.number("rlnVoltage") == 300.0
    assert optics.value("rlnOpticsGroupName") == "my group"


def test_quotes_comments_and_odd_first_values(tmp_path: Path) -> None:
    text = "data_\nloop_\n_a #1\n_b #2\n'x y' 1 # note\n# whole line\n\"it's\" 2\ndata_7/f.mrcs 3\na#b 4\n"
    block = read_star(star(tmp_path, text))[""]
    assert list(block.text("a")) == ["x y", "it's", "data_7/f.mrcs", "a#b"]
    assert list(block.integers("b")) == [1, 2, 3, 4]


def test_empty_loop_and_label_without_value(tmp_path: Path) -> None:
    blocks = read_star(star(tmp_path, "data_a\nloop_\n_x #1\n_y #2\n\ndata_b\n_gain\n_v 2\n"))
    assert len(blocks["a"]) == 0
    assert blocks["a"].names == ("x", "y")
    assert blocks["a"].numbers("x", "y").shape == (0, 2)
    assert blocks["b"].value("gain") == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("data_\nloop_\n_a\n_b\n1 2\n1 2 3\n", "line 6: the row has 3 values for 2 columns"),
        ("data_\nloop_\n_a\n_b\n1 2\n\n1\n", "line 7: the row has 1 values for 2 columns"),
        ("data_\nloop_\n_a\n_b\n'1' 2\n1\n", "line 6: the row has 1 values for 2 columns"),
        ("data_\nloop_\n_a #1\n_b #2\n_a #3\n1 2 3\n", "column a occurs twice"),
        ("data_x\n_a 1\ndata_x\n_a 2\n", "block data_x occurs twice"),
        ("data_x\nloop_\n_a\n1\nloop_\n_b\n1\n", "two tables"),
        ("_a 1\n", "before any data_ block"),
        ("data_\n_a 1 2\n", "has 2 values where one belongs"),
        ("data_\n1 2 3\n", "belongs to no label"),
        ("hello\n", "before any data_ block"),
        ("# only a comment\n", "no data_ block"),
        ("", "empty"),
        ("  \n", "empty"),
        (b"\x93NUMPY\0\0data_\n", "binary"),
        (b"data_\n_a \xff\xfe\n", "line 2: not UTF-8"),
        ("data_\nloop_\n_a\n;text\n;\n", "several lines"),
    ],
)
def test_refuses_with_line_and_reason(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        read_star(star(tmp_path, text))
    assert caught.value.context["path"].endswith("t.star")


def test_asking_for_what_is_not_there(tmp_path: Path) -> None:
    block = read_star(star(tmp_path, "data_\nloop_\n_a\n_b\n1 1.5\n\nx 2\n"))[""]
    with pytest.raises(DataError, match=r"line 7: a is 'x', not a number"):
        block.numbers("b", "a")
    with pytest.raises(DataError, match=r"column b has 1.5 in row 1 where a whole number"):
        block.integers("b")
    with pytest.raises(DataError, match=r"column c is missing; there are: a, b"):
        block.text("c")
    with pytest.raises(DataError, match="a has 2 values where one belongs"):
        block.value("a")
    with pytest.raises(DataError, match="can't read"):
        read_star(tmp_path / "absent.star")


def test_missing_words_are_not_taken_for_numbers(tmp_path: Path) -> None:
    block = read_star(star(tmp_path, "data_\nloop_\n_a\n1\nNA\nNone\n"))[""]
    assert list(block.text("a")) == ["1", "NA", "None"]
    with pytest.raises(DataError, match="'NA', not a number"):
        block.numbers("a")


def test_a_million_value_loop_is_checked_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitreous.formats.star._CHUNK", 64)
    rows = [f"{i:06d}@stack.mrcs {i * 0.5:.3f}" for i in range(2000)]
    path = star(tmp_path, "data_p\nloop_\n_n\n_v\n" + "\n".join(rows) + "\n")
    block = read_star(path)["p"]
    assert len(block) == 2000
    np.testing.assert_array_equal(block.numbers("v"), np.arange(2000) * 0.5)
    assert block.text("n")[7] == "000007@stack.mrcs"
    rows[1234] += " 9"
    with pytest.raises(DataError, match="line 1239:"):
        read_star(star(tmp_path, "data_p\nloop_\n_n\n_v\n" + "\n".join(rows)))


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=12)


@settings(deadline=None)  # a file is written and read: how long that takes is the machine's affair
@example(rows=[("0\u00a0", 0, 0.0)], loop=False)
@example(rows=[("a b", 0, 0.0), ("", 0, 0.0)], loop=True)
@given(
    rows=st.lists(st.tuples(TEXT, st.integers(-(2**40), 2**40), st.floats(-1e30, 1e30)), max_size=6),
    loop=st.booleans(),
)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: list, loop: bool) -> None:
    rows = rows if loop else rows[:1]
    if not loop and not rows:
        return
    path = tmp_path_factory.mktemp("star") / "t.star"
    columns = {"t": [r[0] for r in rows], "i": [r[1] for r in rows], "f": np.array([r[2] for r in rows], float)}
    block = StarBlock(columns, loop)
    try:
        write_star(path, {"x": block, "other": StarBlock({"y": [1]}, False)})
    except UsageError:  # text with both kinds of quotes
        assert not path.exists()
        return
    back = read_star(path)
    assert list(back) == ["x", "other"]
    assert back["x"].loop == loop
    assert list(back["x"].text("t")) == columns["t"]
    assert list(back["x"].integers("i")) == columns["i"]
    np.testing.assert_allclose(back["x"].numbers("f"), columns["f"], rtol=1e-11)


def test_writing_refuses_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.star"
    for block in (StarBlock({"a": [1, 2], "b": [1]}), StarBlock({"a": [1, 2]}, False), StarBlock({"a": [None]})):
        with pytest.raises(UsageError):
            write_star(path, {"x": block})
    assert list(tmp_path.iterdir()) == []


def test_layout_is_relions(tmp_path: Path) -> None:
    path = tmp_path / "t.star"
    write_star(path, {"optics": StarBlock({"rlnVoltage": [300.0], "rlnName": ["a b"]})})
    expected = "\n# version 30001\n\ndata_optics\n\nloop_ \n_rlnVoltage #1 \n_rlnName #2 \n"
    assert path.read_text() == expected + '         300        "a b" \n \n'


@pytest.mark.external
@pytest.mark.skipif(shutil.which("relion_star_handler") is None, reason="RELION is not on PATH")
def test_relion_reads_what_we_write(tmp_path: Path) -> None:
    n = 5
    blocks = {
        "optics": StarBlock(
            {
                "rlnOpticsGroup": [1],
                "rlnOpticsGroupName": ["g1"],
                "rlnVoltage": [300.0],
                "rlnSphericalAberration": [2.7],
                "rlnAmplitudeContrast": [0.07],
                "rlnMicrographPixelSize": [1.3],
            }
        ),
        "micrographs": StarBlock(
            {
                "rlnMicrographName": [f"mic_{i}.mrc" for i in range(n)],
                "rlnDefocusU": np.linspace(10000, 20000, n) + 1 / 3,
                "rlnOpticsGroup": np.ones(n, int),
            }
        ),
    }
    path = tmp_path / "in.star"
    write_star(path, blocks)
    command = ["relion_star_printtable", str(path), "data_micrographs", "rlnMicrographName"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    assert printed == [f"mic_{i}.mrc" for i in range(n)]
    command = ["relion_star_handler", "--i", str(path), "--o", str(tmp_path / "out.star"), "--select", "rlnDefocusU"]
    subprocess.run([*command, "--minval", "12000"], capture_output=True, check=True, timeout=60)
    back = read_star(tmp_path / "out.star")
    np.testing.assert_allclose(back["micrographs"].numbers("rlnDefocusU"), (np.linspace(10000, 20000, n) + 1 / 3)[1:])
    assert back["optics"].number("rlnVoltage") == 300.0


@pytest.mark.parametrize(
    ("name", "block", "rows"),
    [
        ("aspire_sample_relion31.star", "particles", 17),
        ("empiar_10076_7.star", "", 7),
        ("relion31.star", "particles", 5),
        ("sta_testing_bin8.star", "", 219),
    ],
)
def test_real_particle_tables(shared_data: Path, name: str, block: str, rows: int) -> None:
    blocks = read_star(shared_data / "particles" / name)
    assert len(blocks[block]) == rows
    assert (blocks[block].numbers("rlnDefocusU", "rlnDefocusV") > 1000).all()
    assert blocks[block].text("rlnImageName")[0].split("@")[0].isdigit()


def test_every_star_file_of_a_relion_project(shared_data: Path, tmp_path: Path) -> None:
    read = 0
    with tarfile.open(shared_data / "metadata" / "relion_tutorial_files.tar.xz") as archive:
        for member in archive:
            if not member.name.endswith(".star") or member.size > 400_000:
                continue
            handle = archive.extractfile(member)
            assert handle is not None
            data = handle.read()
            if b"data_" not in data:  # RELION names some lists of files .star too
                continue
            if b"STAR__files__(*.star)__\t__" in data:  # an option's help text that RELION wrote with a tab in it
                with pytest.raises(DataError, match="the row has 12 values for 11 columns"):
                    read_star(star(tmp_path, data))
                continue
            blocks = read_star(star(tmp_path, data))
            write_star(tmp_path / "copy.star", blocks)
            copy = read_star(tmp_path / "copy.star")
            assert list(copy) == list(blocks)
            for name, block in blocks.items():
                for label in block.names:
                    assert list(copy[name].text(label)) == list(block.text(label)), (member.name, name, label)
            read += 1
    assert read > 100


def test_damaged_bytes_never_do_worse_than_an_error(tmp_path: Path) -> None:
    good = (PARTICLES + "\ndata_q\nloop_\n_a\n_b\n'x y' 1\n").encode()
    rng = random.Random(7)
    for case in range(400):
        data = bytearray(good)
        data[rng.randrange(len(data))] = rng.randrange(256)
        if case % 4 == 0:
            data = data[: rng.randrange(len(data))]
        try:
            for block in read_star(star(tmp_path, bytes(data))).values():
                for label in block.names:
                    block.text(label)
                    block.numbers(label)
        except VitreousError:
            pass
