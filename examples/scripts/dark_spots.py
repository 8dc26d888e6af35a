#!/usr/bin/env python3
# /// vitreous
# title = "Count dark spots"
# summary = "Find gold beads and ice crystals: spots much darker than the rest of the micrograph."
# category = "Calculate Statistics"
# order = 60
# needs = ["micrograph"]
# methods = "Spots darker than {threshold} standard deviations were counted."
#
# [gives.dark_spots]
# file = "list"
# columns.n_dark_spots = { kind = "int", meaning = "spots darker than the threshold" }
# columns.darkest_spot = { meaning = "depth of the darkest spot, in standard deviations below the median" }
#
# [parameters.threshold]
# type = "float"
# default = 6.0
# min = 1
# unit = "standard deviations"
# help = "a spot is darker than the median by this"
#
# [parameters.binning]
# type = "int"
# default = 4
# min = 1
# max = 64
# unit = "px"
# help = "size of the squares that are averaged before"
# level = "advanced"
# ///
"""Count the spots of a micrograph that are much darker than the rest."""

import mrcfile
import numpy as np

from vitreous.script import job


def binned(image: np.ndarray, size: int) -> np.ndarray:
    """Means of squares of ``size`` pixels."""
    ny, nx = image.shape[0] // size, image.shape[1] // size
    return image[: ny * size, : nx * size].reshape(ny, size, nx, size).mean((1, 3), dtype=np.float64)


def dark_spots(image: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Places ``[n, (y, x)]`` that are darker than the threshold and than their eight neighbours, and all depths."""
    median = np.median(image)
    spread = 1.4826 * np.median(np.abs(image - median))
    depth = (median - image) / max(spread, 1e-12)
    padded = np.pad(depth, 1, constant_values=-np.inf)
    ny, nx = depth.shape
    around = [padded[dy : dy + ny, dx : dx + nx] for dy in range(3) for dx in range(3) if (dy, dx) != (1, 1)]
    return np.argwhere((depth > threshold) & (depth > np.max(around, axis=0))), depth


def main() -> None:
    """Count the spots of one micrograph."""
    size = job.parameters.binning
    with mrcfile.open(job.item.file("micrograph")) as file:
        image = binned(file.data, size)
    job.progress(0.5, "looking for spots")
    places, depth = dark_spots(image, job.parameters.threshold)
    centres = (places[:, ::-1] + 0.5) * size - 0.5  # (x, y) in pixels of the micrograph
    np.savetxt("dark_spots.txt", centres, fmt="%.1f", header="x/px y/px")
    job.result(
        values={"n_dark_spots": len(places), "darkest_spot": round(float(depth.max()), 3)},
        files={"list": "dark_spots.txt"},
    )


if __name__ == "__main__":
    main()
