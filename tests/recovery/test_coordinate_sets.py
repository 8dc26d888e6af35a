"""Consensus and comparison of coordinates recover what is known of simulated pickers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from vitreous.algorithms.coordinates.comparison import compare
from vitreous.algorithms.coordinates.consensus import consensus
from vitreous.core.errors import UsageError


def grid(n: int, step: float) -> np.ndarray:
    return np.array(list(itertools.product(range(n), range(n))), dtype=float) * step


def test_places_that_enough_pickers_chose_are_found() -> None:
    random = np.random.default_rng(1)
    truth = grid(20, 100.0)
    found = [random.random(len(truth)) < 0.8 for _ in range(3)]
    pickers = [truth[there] + random.normal(0, 4.0, (there.sum(), 2)) for there in found]
    wrong = random.uniform(0, 2000, (40, 2))
    got = consensus([pickers[0], np.concatenate([pickers[1], wrong]), pickers[2]], radius=30.0)
    votes = np.sum(found, axis=0)
    agreed = got.positions[got.agreed(2)]
    compared = compare(agreed, truth[votes >= 2], radius=20.0)
    assert compared.recall is not None
    assert compared.recall > 0.99
    assert compared.precision is not None
    assert compared.precision > 0.97  # a wrong pick beside a particle that one picker alone found
    assert compared.rms_distance is not None
    assert compared.rms_distance < 4.0  # the mean of two is nearer than one: 4 √2 / √2, and √(2/3) of it for three


def test_each_pick_is_in_one_place_and_no_picker_is_twice_in_one() -> None:
    random = np.random.default_rng(2)
    pickers = [random.uniform(0, 300, (n, 2)) for n in (60, 80, 70)]
    got = consensus(pickers, radius=25.0)
    for number, picks in enumerate(pickers):
        members = got.members[:, number]
        assert sorted(members[members >= 0].tolist()) == list(range(len(picks)))
    assert (got.votes == (got.members >= 0).sum(axis=1)).all()
    assert got.spread.max() <= 25.0


def test_the_order_of_pickers_does_not_matter() -> None:
    random = np.random.default_rng(3)
    pickers = [random.uniform(0, 300, (n, 2)) for n in (60, 80, 70)]
    one = consensus(pickers, radius=25.0)
    for order in itertools.permutations(range(3)):
        other = consensus([pickers[i] for i in order], radius=25.0)
        assert sorted(map(tuple, np.round(one.positions, 6))) == sorted(map(tuple, np.round(other.positions, 6)))


def test_a_chain_of_picks_is_no_place() -> None:
    got = consensus([np.array([[0.0, 0]]), np.array([[8.0, 0]]), np.array([[16.0, 0]])], radius=10.0)
    assert sorted(got.votes.tolist()) == [1, 2]


def test_pairs_are_one_to_one_and_as_many_as_can_be() -> None:
    # The nearest pair first would leave the outer two alone.
    picks, reference = np.array([[0.0, 0], [9.0, 0]]), np.array([[8.0, 0], [17.0, 0]])
    got = compare(picks, reference, radius=10.0)
    assert got.picks.tolist() == [0, 1]
    assert got.reference.tolist() == [0, 1]
    twice = compare(np.array([[0.0, 0], [1.0, 0]]), np.array([[0.0, 0]]), radius=5.0)
    assert (twice.precision, twice.recall, twice.f1) == (0.5, 1.0, pytest.approx(2 / 3))
    assert twice.picks.tolist() == [0]


def test_as_many_pairs_as_a_maximum_matching_has() -> None:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    random = np.random.default_rng(4)
    for n in (30, 200, 500):
        picks, reference = random.uniform(0, 400, (n, 2)), random.uniform(0, 400, (n, 2))
        near = np.sqrt(((picks[:, None] - reference[None]) ** 2).sum(-1)) <= 15.0
        most = (maximum_bipartite_matching(coo_array(near).tocsr(), perm_type="column") >= 0).sum()
        got = compare(picks, reference, radius=15.0)
        assert len(got.picks) == most
        assert got.distance.max() <= 15.0


def test_recall_and_precision_are_those_of_the_simulated_picker() -> None:
    random = np.random.default_rng(5)
    truth = grid(30, 90.0)
    there = random.random(len(truth)) < 0.9
    wrong = grid(10, 270.0) + 45.0
    got = compare(np.concatenate([truth[there] + random.normal(0, 3, (there.sum(), 2)), wrong]), truth, radius=30.0)
    assert got.recall == pytest.approx(there.mean())
    assert got.precision == pytest.approx(there.sum() / (there.sum() + 100))
    assert got.rms_distance == pytest.approx(3 * np.sqrt(2), rel=0.1)


def test_empty_sets_give_what_is_not_known() -> None:
    nothing, one = np.zeros((0, 2)), np.array([[1.0, 2.0]])
    assert compare(nothing, nothing, 5.0).f1 is None
    assert compare(nothing, one, 5.0).precision is None
    assert compare(nothing, one, 5.0).f1 == 0.0
    assert compare(one, nothing, 5.0).recall is None
    assert len(consensus([nothing, nothing], 5.0).votes) == 0
    assert consensus([nothing, one], 5.0).votes.tolist() == [1]


def test_bad_radius_and_positions_are_refused() -> None:
    one = np.array([[1.0, 2.0]])
    with pytest.raises(UsageError, match="radius"):
        compare(one, one, 0.0)
    with pytest.raises(UsageError, match="radius"):
        consensus([one], float("nan"))
    with pytest.raises(UsageError, match="1 of 1 positions are not finite"):
        compare(np.array([[np.nan, 0.0]]), one, 1.0)
    with pytest.raises(UsageError, match="shape"):
        consensus([np.zeros(3)], 1.0)
