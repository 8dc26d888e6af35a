"""Motion correction as users run it: files in, files out, errors, stopping, memory, repeating."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from vitreous.algorithms.movies.gain import orient, parse_orientation
from vitreous.cli.main import main
from vitreous.core.errors import Cancelled, DataError, UsageError
from vitreous.formats.eer import write_eer
from vitreous.formats.mrc_write import write_mrc
from vitreous.formats.tiff import TiffStackWriter
from vitreous.jobs.motion import JOB

SETTINGS = ["--voltage", "300", "--dose-per-frame", "1.3"]
ORIENTATIONS = ("0", "90", "180", "270", "flip", "flip-90", "flip-180", "flip-270")


@pytest.fixture(scope="module")
def frames(maker: ModuleType) -> np.ndarray:
    """Ten frames of 256 x 288 px with drift and local motion."""
    stack: np.ndarray = maker.make_movie(maker.drift_and_bend(5.0, 2.0), n=10, shape=(256, 288), contrast=0.3)
    stack.setflags(write=False)
    return stack


@pytest.fixture
def movie(maker: ModuleType, frames: np.ndarray, tmp_path: Path) -> Path:
    """The frames as an MRC stack of 16-bit numbers."""
    path: Path = maker.write_movie(tmp_path / "in" / "m.mrcs", frames)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def command(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``vitreous motion``."""
    code = main(["motion", *map(str, arguments)])
    text = capsys.readouterr()
    return code, text.out, " ".join(text.err.split())


def test_outputs_have_the_contracted_names_and_keys(movie: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "out"
    code, text, _ = command(capsys, movie, *SETTINGS, "--patches", "2x2", "--out", out, "--json")
    assert code == 0
    results = json.loads(text)  # nothing else is on standard output
    assert isinstance(results, list)
    assert len(results) == 1
    expected = ["m.json", "m.mrc", "m.png", "m.star", "m_dw.mrc", "m_even.mrc", "m_odd.mrc"]
    assert names(out) == expected
    written = json.loads((out / "m.json").read_text())
    assert {**results[0], "outputs": None} == {**written, "outputs": None}
    assert results[0]["outputs"] == {name: str(out / file) for name, file in written["outputs"].items()}
    assert set(written["outputs"]) == {"sum", "sum_dw", "odd", "even", "star", "json", "picture"}
    assert all(Path(path).is_file() for path in results[0]["outputs"].values())
    needed = {
        "input", "outputs", "warnings", "settings", "n_frames", "pixel_size", "shape", "total_dose", "trajectory",
        "drift_total", "drift_early", "drift_late", "drift_longest_step", "drift_deceleration", "drift_jitter",
        "drift_range", "local_motion_max", "bad_pixels", "counts_per_frame", "alignment",
    }  # fmt: skip
    assert needed <= set(written)
    assert np.array(written["trajectory"]["shift"]).shape == (10, 5, 5, 2)
    assert written["drift_total"] == pytest.approx(written["drift_early"] + written["drift_late"], abs=1e-3)
    assert written["settings"]["dose_per_frame"] == 1.3
    assert written["settings"]["pixel_size"] == pytest.approx(1.3)


def test_without_json_a_table_is_shown(movie: Path, tmp_path: Path, capsys: Any) -> None:
    code, text, _ = command(capsys, movie, *SETTINGS, "--patches", "1x1", "--out", tmp_path)
    assert code == 0
    assert "m.mrcs" in text


@pytest.mark.parametrize("kind", ["mrc-int8", "mrc-uint16", "mrc-float32", "tif-lzw", "tif-zstd"])
def test_file_formats_give_the_same_result(
    maker: ModuleType, movie: Path, frames: np.ndarray, tmp_path: Path, kind: str
) -> None:
    container, packing = kind.split("-")
    path = tmp_path / "in" / f"n.{container}"
    if container == "mrc":
        write_mrc(path, frames.astype(packing), pixel_size=1.3, dtype=packing, is_stack=True)
    else:
        with TiffStackWriter(path, frames.shape[1:], "uint8", compression=packing, pixel_size=1.3) as writer:
            for frame in frames:
                writer.append(frame.astype(np.uint8))
    results = [maker.correct(one, tmp_path / "out", patches="2x2") for one in (movie, path)]
    np.testing.assert_allclose(maker.shift_of(results[1]), maker.shift_of(results[0]), atol=2e-3)
    for name in ("", "_dw", "_odd"):
        one, other = (maker.image(tmp_path / "out" / f"{stem}{name}.mrc") for stem in ("m", "n"))
        np.testing.assert_allclose(other, one, atol=2e-2 * one.std())


def test_eer(maker: ModuleType, tmp_path: Path) -> None:
    stack = maker.make_movie(maker.drift(6.0), n=12, shape=(256, 256), contrast=0.4, dose=0.5)
    events = []
    for frame in stack.clip(0, 1):
        y, x = np.nonzero(frame)
        events.append((x, y))
    path = tmp_path / "e.eer"
    write_eer(path, events, shape=(256, 256), upsampling=1, pixel_size=1.3)
    kept = maker.write_movie(tmp_path / "k.mrcs", stack.clip(0, 1).reshape(6, 2, 256, 256).sum(1).astype(np.int16))
    given = {"patches": "1x1", "dose_per_frame": 1.0, "pixel_size": 1.3}
    from_eer = maker.correct(path, tmp_path, eer_frames=2, **given)
    from_mrc = maker.correct(kept, tmp_path, **given)
    assert from_eer["n_frames"] == 6
    np.testing.assert_allclose(maker.shift_of(from_eer), maker.shift_of(from_mrc), atol=2e-3)
    fine = maker.correct(path, tmp_path / "fine", eer_frames=2, eer_upsampling=2, **{**given, "pixel_size": 0.65})
    assert fine["shape"] == [512, 512]


class TestGain:
    """A gain reference in any orientation is found, or taken as said."""

    @pytest.fixture(scope="class")
    @staticmethod
    def raw(maker: ModuleType) -> tuple[np.ndarray, torch.Tensor]:
        """Raw counts of 32 frames, and the multiplicative gain as it lies on them."""
        random = np.random.default_rng(8)
        gain = np.exp(0.08 * random.standard_normal((192, 192))).astype(np.float32)
        gain[:, :96] *= 1.06
        gain /= gain.mean()
        sensitivity = 1.0 / gain
        stack = maker.make_movie(maker.drift(6.0), n=32, shape=(192, 192), contrast=0.3, multiply=sensitivity)
        return stack, torch.from_numpy(gain)

    @pytest.mark.parametrize("name", ORIENTATIONS)
    def test_orientation_is_found(
        self, maker: ModuleType, raw: tuple[np.ndarray, torch.Tensor], tmp_path: Path, name: str
    ) -> None:
        stack, gain = raw
        orientation = parse_orientation(name)
        # Of the eight, all but the quarter turns are their own inverse.
        turned = orient(gain, parse_orientation({"90": "270", "270": "90"}.get(name, name)))
        torch.testing.assert_close(orient(turned, orientation), gain)
        write_mrc(tmp_path / "gain.mrc", turned.numpy(), pixel_size=1.3)
        movie = maker.write_movie(tmp_path / "m.mrcs", stack)
        result = maker.correct(movie, tmp_path / "out", patches="1x1", gain=tmp_path / "gain.mrc")
        assert result["gain_orientation"] == str(orientation)
        assert result["gain_kind"] == "multiplicative"
        if name == "flip-90":
            said = maker.correct(
                movie, tmp_path / "said", patches="1x1", gain=tmp_path / "gain.mrc", gain_orientation=name
            )
            assert said["trajectory"] == result["trajectory"]
            # With the gain, the sum of a dim and a bright half is even again.
            image = maker.image(tmp_path / "said" / "m.mrc")
            assert image[:, 20:80].mean() == pytest.approx(image[:, 110:170].mean(), rel=0.01)

    def test_a_sensitivity_divides(
        self, maker: ModuleType, raw: tuple[np.ndarray, torch.Tensor], tmp_path: Path
    ) -> None:
        stack, gain = raw
        write_mrc(tmp_path / "gain.mrc", (1.0 / gain).numpy(), pixel_size=1.3)
        movie = maker.write_movie(tmp_path / "m.mrcs", stack)
        given = {"patches": "1x1", "gain": tmp_path / "gain.mrc", "gain_orientation": "0"}
        result = maker.correct(movie, tmp_path / "out", gain_kind="sensitivity", **given)
        image = maker.image(tmp_path / "out" / "m.mrc")
        assert result["gain_kind"] == "sensitivity"
        assert image[:, 20:80].mean() == pytest.approx(image[:, 110:170].mean(), rel=0.01)

    def test_a_gain_of_another_size_is_refused(self, maker: ModuleType, movie: Path, tmp_path: Path) -> None:
        write_mrc(tmp_path / "gain.mrc", np.ones((100, 120), np.float32), pixel_size=1.3)
        with pytest.raises((UsageError, DataError)):
            maker.correct(movie, tmp_path / "out", gain=tmp_path / "gain.mrc")
        assert names(tmp_path / "out") == []


def test_listed_defects_are_replaced(maker: ModuleType, frames: np.ndarray, tmp_path: Path) -> None:
    broken = frames.copy()
    broken[:, 40:44, 100:110] = 0
    broken[:, :, 200] = 0
    path = maker.write_movie(tmp_path / "m.mrcs", broken)
    (tmp_path / "defects.txt").write_text("100 40 10 4\n200 0 1 256\n")
    result = maker.correct(path, tmp_path / "out", patches="1x1", defects=tmp_path / "defects.txt")
    assert result["bad_pixels"] == 40 + 256
    image = maker.image(tmp_path / "out" / "m.mrc")
    assert image[40:44, 100:110].mean() == pytest.approx(image.mean(), rel=0.15)
    assert image[:, 200].mean() == pytest.approx(image.mean(), rel=0.05)


def test_a_missing_pixel_size_is_asked_for(maker: ModuleType, frames: np.ndarray, tmp_path: Path, capsys: Any) -> None:
    path = maker.write_movie(tmp_path / "m.mrcs", frames, pixel_size=None)
    code, text, errors = command(capsys, path, *SETTINGS, "--out", tmp_path / "out", "--json")
    assert code == 2
    assert "--pixel-size" in errors
    assert json.loads(text)[0]["error"]["code"] == "usage"
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize(("missing", "option"), [(1, "--dose-per-frame"), (0, "--voltage")])
def test_missing_exposure_or_voltage_is_asked_for(
    movie: Path, tmp_path: Path, capsys: Any, missing: int, option: str
) -> None:
    kept = SETTINGS[:2] if missing else SETTINGS[2:]
    code, _, errors = command(capsys, movie, *kept, "--out", tmp_path / "out")
    assert code == 2
    assert option in errors


def test_settings_may_come_from_a_file(movie: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "a.toml").write_text("[acquisition]\nvoltage = 200\ndose_per_frame = 1.1\npixel_size = 1.25\n")
    code, text, _ = command(
        capsys, movie, "--settings", tmp_path / "a.toml", "--pixel-size", 1.2, "--patches", "1x1", "--out",
        tmp_path / "out", "--json",
    )  # fmt: skip
    assert code == 0
    used = json.loads(text)[0]["settings"]
    assert (used["voltage"], used["dose_per_frame"], used["pixel_size"]) == (200, 1.1, 1.2)


def test_a_frame_with_nan_is_refused(maker: ModuleType, frames: np.ndarray, tmp_path: Path) -> None:
    for number, value in enumerate((np.nan, np.inf)):
        broken = frames.astype(np.float32)
        broken[6, 100, 30] = value
        path = tmp_path / f"m{number}.mrcs"
        write_mrc(path, broken, pixel_size=1.3, is_stack=True)
        with pytest.raises(DataError, match="NaN or infinity"):
            maker.correct(path, tmp_path / "out")
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"first_frame": 10}, "at least 2"),
        ({"first_frame": 99}, "at least 2"),
        ({"frame_doses": (1.0, 2.0, 3.0)}, "3 frame doses for 10 frames"),
        ({"voltage": 30.0}, "critical exposure"),
    ],
)
def test_settings_that_do_not_fit_the_movie(
    maker: ModuleType, movie: Path, tmp_path: Path, params: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        maker.correct(movie, tmp_path / "out", **params)
    assert names(tmp_path / "out") == []


def test_a_single_frame_is_no_movie(maker: ModuleType, frames: np.ndarray, tmp_path: Path) -> None:
    path = maker.write_movie(tmp_path / "m.mrcs", frames[:1])
    with pytest.raises(UsageError, match="at least 2"):
        maker.correct(path, tmp_path / "out")


@pytest.mark.parametrize(
    "arguments", [("--patches", "40x2"), ("--patches", "ten"), ("--first-frame", "5", "--last-frame", "3"),
                  ("--min-shift", "50"), ("--first-frame", "0"), ("--b-factor", "-3")],
)  # fmt: skip
def test_options_out_of_range_are_refused_before_work(
    movie: Path, tmp_path: Path, capsys: Any, arguments: tuple[str, ...]
) -> None:
    code, _, errors = command(capsys, movie, *SETTINGS, *arguments, "--out", tmp_path / "out")
    assert code == 2
    assert errors
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize("shape", [(8, 8), (16, 24), (33, 47), (64, 20)])
@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_small_movies_do_not_crash(maker: ModuleType, tmp_path: Path, shape: tuple[int, int], n: int) -> None:
    stack = np.random.default_rng(1).poisson(5, (n, *shape)).astype(np.int16)
    path = maker.write_movie(tmp_path / "m.mrcs", stack)
    result = maker.correct(path, tmp_path, patches="3x3")
    assert np.isfinite(maker.shift_of(result)).all()
    assert maker.image(tmp_path / "m.mrc").shape == shape


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.45, 0.56, 0.7, 0.9, 0.98])
def test_stopping_leaves_nothing_behind(movie: Path, tmp_path: Path, share: float) -> None:
    seen: list[float] = []

    def progress(fraction: float, what: str) -> None:
        seen.append(fraction)
        if fraction >= share:
            raise Cancelled("stopped", hint="Run it again")

    runner = JOB.start(JOB.params(voltage=300, dose_per_frame=1.3, patches="2x2"))
    with pytest.raises(Cancelled):
        runner(movie, tmp_path / "out", progress)
    assert seen[-1] >= share
    assert names(tmp_path / "out") == []
    assert names(movie.parent) == ["m.mrcs"]


def test_progress_only_rises(movie: Path, tmp_path: Path) -> None:
    seen: list[float] = []
    runner = JOB.start(JOB.params(voltage=300, dose_per_frame=1.3, patches="2x2"))
    runner(movie, tmp_path, lambda fraction, what: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[0] >= 0.0
    assert seen[-1] <= 1.0
    assert len(seen) > 20


def test_a_write_that_fails_leaves_no_part(
    maker: ModuleType, movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vitreous.formats import base

    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(base.os, "fsync", full)
    with pytest.raises(Exception, match="space"):
        maker.correct(movie, tmp_path / "out", patches="1x1")
    assert names(tmp_path / "out") == []


def test_the_movie_is_never_overwritten(maker: ModuleType, frames: np.ndarray, tmp_path: Path) -> None:
    path = maker.write_movie(tmp_path / "m.mrc", frames)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="replace the movie"):
        maker.correct(path, tmp_path)
    assert path.read_bytes() == before
    assert names(tmp_path) == ["m.mrc"]
    link = tmp_path / "elsewhere"
    link.symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(UsageError, match="replace the movie"):
        maker.correct(path, link)
    assert path.read_bytes() == before


def test_a_truncated_movie_gives_its_whole_frames_and_a_warning(
    maker: ModuleType, movie: Path, frames: np.ndarray, tmp_path: Path
) -> None:
    content = movie.read_bytes()
    cut = tmp_path / "cut.mrcs"
    cut.write_bytes(content[: 1024 + frames[0].nbytes * 7 + 1234])
    result = maker.correct(cut, tmp_path / "out", patches="1x1")
    assert result["n_frames"] == 7
    assert any("7" in warning for warning in result["warnings"])


def test_other_movies_are_processed_beside_a_broken_one(movie: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "broken.mrcs").write_bytes(b"\x00" * 3000)
    code, text, _ = command(
        capsys, tmp_path / "broken.mrcs", movie, *SETTINGS, "--patches", "1x1", "--out", tmp_path / "out", "--json"
    )
    results = json.loads(text)
    assert code == 2
    assert results[0]["error"]["code"] == "data"
    assert results[1]["n_frames"] == 10
    assert "m.mrc" in names(tmp_path / "out")


def test_memory_plans_and_repetition_give_identical_bytes(maker: ModuleType, movie: Path, tmp_path: Path) -> None:
    before = movie.read_bytes()
    for name, memory in (("a", 1.0), ("b", 1.0), ("none", 0.0)):
        maker.correct(movie, tmp_path / name, patches="3x2", memory=memory)
    for file in ("m.mrc", "m_dw.mrc", "m_odd.mrc", "m_even.mrc"):
        one, other, none = (maker.image(tmp_path / name / file) for name in ("a", "b", "none"))
        assert one.tobytes() == other.tobytes()
        np.testing.assert_allclose(none, one, rtol=1e-5, atol=1e-4)
    assert movie.read_bytes() == before


def test_a_zero_exposure_is_an_exposure(maker: ModuleType, movie: Path, tmp_path: Path) -> None:
    result = maker.correct(movie, tmp_path, patches="2x2", dose_per_frame=0.0)
    filtered, plain = maker.image(tmp_path / "m_dw.mrc"), maker.image(tmp_path / "m.mrc")
    np.testing.assert_allclose(filtered, plain, atol=2e-2 * plain.std())
    assert result["total_dose"] == 0.0
