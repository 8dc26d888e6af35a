"""Pictures of class averages beside the true projections that they are most like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from class_quality import Classes, Match, Matcher


def montage(rows: list[tuple[str, list[torch.Tensor], list[str]]], path: Path) -> None:
    """Write rows of images with a word under each."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    columns = max(len(images) for _, images, _ in rows)
    figure, axes = plt.subplots(len(rows), columns, figsize=(1.05 * columns, 1.3 * len(rows)), squeeze=False)
    for line, (title, images, words) in zip(axes, rows, strict=True):
        for axis in line:
            axis.axis("off")
        for axis, image, word in zip(line, images, words, strict=False):
            axis.imshow(image.numpy(), cmap="gray", origin="lower")
            axis.set_title(word, fontsize=6, pad=2)
        line[0].text(-0.15, 0.5, title, rotation=90, va="center", ha="right", fontsize=7, transform=line[0].transAxes)
    figure.tight_layout(pad=0.4)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def pictured(
    title: str, classes: Classes, matches: list[Match], matcher: Matcher, columns: int = 10
) -> list[tuple[str, list[torch.Tensor], list[str]]]:
    """Rows of a montage: the averages by population, and under each its true projection."""
    share = np.bincount(classes.number, minlength=len(matches)) / len(classes.number)
    order = np.argsort(-share, kind="stable")
    rows = []
    for start in range(0, len(order), columns):
        part = order[start : start + columns]
        words = [f"{100 * share[k]:.1f}% {matches[k].resolution:.1f} Å" for k in part]
        rows.append((title, [classes.averages[k] * matcher.mask for k in part], words))
        rows.append(("true", [matcher.projection(matches[k]) for k in part], [""] * len(part)))
    return rows
