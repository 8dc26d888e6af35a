"""How soon trends are found, and how often without cause: simulated nights with and without events.

``python benchmarks/alarms.py --nights 20`` prints false alarms per 1,000 images of each figure on nights without
events, and the delay in images after which the fall of the counts and the burst of drift are told.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import night
from vitreous.project.alarms.trend import SERIES, Change, changes_of

IMAGES = 4000
FALL, BURST = 0.80, 0.62
"""Where in the night the counts fall, and the drift begins."""


def figures(seed: int, *, events: bool) -> dict[str, np.ndarray]:
    """Column → values of one night, with other noise for each seed."""
    make: Callable[..., np.random.Generator] = np.random.default_rng
    with patch.object(night.np.random, "default_rng", lambda _: make(seed)):
        found = {name: values for slot in night.figures(IMAGES).values() for name, values in slot.items()}
    if events:
        return found
    n = np.arange(IMAGES)
    burst = np.where((n > 0.62 * IMAGES) & (n < 0.68 * IMAGES), 25.0, 0.0)
    fall = np.where((n > 0.8 * IMAGES) & (n < 0.87 * IMAGES), 0.75, 1.0)
    counts = found["counts_per_frame"] / fall
    quiet = {
        "drift_total": found["drift_total"] - burst,
        "fit_resolution": found["fit_resolution"] - 0.03 * burst,
        "counts_per_frame": counts,
        "relative_stddev": 16.0 / np.sqrt(counts),
    }
    return {**found, **quiet}


def changes(values: dict[str, np.ndarray]) -> dict[str, list[Change]]:
    """What is told of each figure of a night."""
    found = {}
    for column, series in SERIES.items():
        taken = values[column] - values[series.relative_to] if series.relative_to else values[column]
        found[column] = changes_of(taken, series)
    return found


def delays(found: list[list[Change]], place: float) -> list[int]:
    """Images between the begin of an event and the first change that is told within 300; those missed are left out."""
    begin = int(place * IMAGES)
    after = [[c.found - begin for c in changes if begin <= c.found < begin + 300] for changes in found]
    return [entry[0] for entry in after if entry]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=20)
    nights = parser.parse_args().nights
    quiet = [changes(figures(1000 + seed, events=False)) for seed in range(nights)]
    eventful = [changes(figures(2000 + seed, events=True)) for seed in range(nights)]
    print(f"{nights} nights of {IMAGES} images without events: false alarms per 1,000 images")
    for column in SERIES:
        number = sum(len(entry[column]) for entry in quiet)
        print(f"  {column:20s} {1000 * number / (nights * IMAGES):.4f} ({number})")
    total = sum(len(changes) for entry in quiet for changes in entry.values())
    print(f"  {'all':20s} {1000 * total / (nights * IMAGES):.4f} ({total})")
    print(f"{nights} nights with events: delay in images (median, least, most), found")
    for column, place in (("counts_per_frame", FALL), ("drift_total", BURST), ("fit_resolution", BURST)):
        late = delays([entry[column] for entry in eventful], place)
        print(f"  {column:20s} {np.median(late):.0f} {min(late)} {max(late)}, {len(late)} of {nights}")


if __name__ == "__main__":
    main()
