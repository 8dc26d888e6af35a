"""The column registry: names, units, and what other packages call the same facts."""

from __future__ import annotations

import math

import pytest

from vitreous.core.errors import UsageError
from vitreous.model.columns import (
    COLUMNS,
    ITEMS,
    PACKAGES,
    UNITS,
    column,
    columns,
    find_alias,
    find_column,
    slot_columns,
)

ALIASES = [(one, package, alias) for one in COLUMNS for package, alias in one.aliases.items()]


def test_names_are_unique_among_the_columns_of_an_item() -> None:
    assert sum(len(columns(item)) for item in ITEMS) == len(COLUMNS)
    assert len({(one.item, one.name) for one in COLUMNS}) == len(COLUMNS)


def test_names_can_be_columns_of_sql() -> None:
    assert all(one.name.isidentifier() and one.name == one.name.lower() for one in COLUMNS)


def test_a_name_that_two_items_share_has_one_unit_and_one_kind() -> None:
    for name, one in columns("exposure").items():
        other = columns("particle").get(name)
        if other is not None and name != "score":
            assert (one.unit, one.kind) == (other.unit, other.kind), name


def test_units_are_known_and_belong_to_numbers() -> None:
    for one in COLUMNS:
        assert one.unit is None or one.unit in UNITS, one.name
        assert one.unit is None or one.kind in ("real", "integer"), one.name
        assert one.meaning
        assert one.meaning[0] == one.meaning[0].lower() or one.meaning[0] in "√CT", one.meaning


def test_aliases_invert() -> None:
    for one, package, alias in ALIASES:
        assert package in PACKAGES
        assert not alias.name.startswith("_")
        if alias.scale is not None:
            assert alias.scale != 0.0
            for value in (-3.25, 0.0, 1.0, 12345.678):
                assert alias.to_ours(alias.to_theirs(value)) == pytest.approx(value, rel=1e-12, abs=1e-12), one.name
                assert alias.to_theirs(alias.to_ours(value)) == pytest.approx(value, rel=1e-12, abs=1e-12), one.name


def test_an_alias_that_is_no_plain_factor_says_what_it_is() -> None:
    found = [(one, alias) for one, _, alias in ALIASES if alias.scale is None]
    assert len(found) > 10
    for one, alias in found:
        assert alias.note, one.name
        with pytest.raises(UsageError, match="no plain multiple") as caught:
            alias.to_theirs(1.0)
        assert caught.value.hint == alias.note


def test_columns_are_found_by_the_names_of_other_packages() -> None:
    for one, package, alias in ALIASES:
        if alias.scale is not None:
            assert find_alias(package, alias.name, one.item) is one
            assert find_alias(package, f"_{alias.name}", one.item) is one


@pytest.mark.parametrize(
    ("item", "name", "package", "theirs", "ours_value", "their_value"),
    [
        ("particle", "phase_shift", "cistem", "cisTEMPhaseShift", 90.0, math.pi / 2),
        ("particle", "phase_shift", "cryosparc", "ctf/phase_shift_rad", 180.0, math.pi),
        ("particle", "astigmatism_angle", "cryosparc", "ctf/df_angle_rad", 45.0, math.pi / 4),
        ("particle", "astigmatism_angle", "relion", "rlnDefocusAngle", 45.0, 45.0),
        ("particle", "defocus_u", "emx", "defocusU", 12000.0, 1200.0),
        ("particle", "defocus_u", "frealign", "DF1", 12000.0, 12000.0),
        ("particle", "origin_x", "relion", "rlnOriginXAngst", 3.0, 3.0),
        ("particle", "origin_x", "cistem", "cisTEMXShift", 3.0, -3.0),
        ("particle", "origin_y", "frealign", "SHY", 3.0, -3.0),
        ("particle", "rot", "frealign", "PHI", 30.0, 30.0),
        ("particle", "psi", "cistem", "cisTEMAnglePsi", 30.0, 30.0),
        ("particle", "random_subset", "cryosparc", "alignments3D/split", 1, 0),
        ("particle", "class_number", "cryosparc", "alignments2D/class", 1, 0),
        ("particle", "image_index", "cistem", "cisTEMPositionInStack", 0, 1),
        ("particle", "occupancy", "cistem", "cisTEMOccupancy", 0.5, 50.0),
        ("exposure", "defocus", "focus", "defocus_defocus", 12000.0, 1.2),
        ("exposure", "recorded", "focus", "import_original_time", 1.5e9, 1.5e12),
        ("exposure", "drift_longest_step", "focus", "import_drift_longest", 5.0, 0.5),
        ("exposure", "defocus_difference", "relion", "rlnCtfAstigmatism", 250.0, 250.0),
        ("exposure", "pixel_size", "relion", "rlnMicrographPixelSize", 1.06, 1.06),
        ("exposure", "movie_pixel_size", "relion", "rlnMicrographOriginalPixelSize", 0.53, 0.53),
    ],
)
def test_conversions_have_these_numbers(item, name, package, theirs, ours_value, their_value) -> None:
    found = find_alias(package, theirs, item)
    assert found is not None
    assert found.name == name
    assert found.aliases[package].to_theirs(ours_value) == pytest.approx(their_value, rel=1e-12)


def test_particle_columns_of_a_cryosparc_file_are_named_as_it_names_them(shared_data) -> None:
    import numpy as np

    names = set(np.load(shared_data / "particles" / "empiar_10076_7.cs", mmap_mode=None).dtype.names)
    for wanted in ("blob/path", "blob/idx", "blob/psize_A", "ctf/df1_A", "ctf/df_angle_rad", "ctf/phase_shift_rad"):
        assert wanted in names
        assert find_alias("cryosparc", wanted, "particle") is not None


def test_slots_list_their_columns() -> None:
    assert "pixel_size" in {one.name for one in slot_columns("micrograph")}
    assert "movie_pixel_size" in {one.name for one in slot_columns("movie")}
    assert slot_columns("no_such_slot") == ()
    assert find_column("name").slot is None


def test_an_unknown_column_is_a_usage_error_that_says_what_it_may_be() -> None:
    with pytest.raises(UsageError, match="no column 'fit_resolutio'") as caught:
        column("fit_resolutio")
    assert "fit_resolution" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        column("rlnCtfMaxResolution")
    assert caught.value.hint == "Here it is called fit_resolution"
    assert find_column("nothing") is None
    assert find_alias("relion", "rlnNothing") is None
