"""The state before the first iteration."""

from __future__ import annotations

import numpy as np
import torch

from vitreous.algorithms.classify2d.images import Images
from vitreous.algorithms.classify2d.prepare import FOLDS, Prepared, block_rows
from vitreous.algorithms.classify2d.references import image_of, masked
from vitreous.algorithms.classify2d.settings import Settings
from vitreous.algorithms.classify2d.state import UNASSIGNED, State
from vitreous.core.errors import DataError, UsageError

_STARTING_IMAGES = 300


def start(settings: Settings, images: Images | Prepared, references: torch.Tensor | None = None) -> State:
    """State before the first iteration.

    Args:
        settings: of the classification.
        images: N particle images, N ≥ 1.
        references: float32 ``[K, box, box]`` to start from, white; ``None``: averages of random subsets.
    """
    prepared = images if isinstance(images, Prepared) else Prepared(settings, images)
    count, k = len(prepared), settings.n_classes
    random = np.random.default_rng((settings.seed, 0, 0))
    usable = np.flatnonzero(~prepared.excluded())
    if not len(usable):
        raise DataError(
            f"none of {count} images can be classified", hint="Give particles, or keep those with blank edges"
        )
    rows = np.sort(random.permutation(usable)[: _STARTING_IMAGES * k])
    members = np.arange(len(rows)) % k
    random.shuffle(members)
    made, noise = _random_averages(prepared, rows, members)
    if references is not None:
        if tuple(references.shape) != (k, settings.box, settings.box):
            raise UsageError(
                f"references of shape {tuple(references.shape)} where {k} of {settings.box} px are wanted",
                hint="Give one reference of the images' box for each class",
            )
        made = masked(settings, prepared.frame, references.to(device=settings.device, dtype=torch.float32))
    finest = prepared.grid.rings
    return State(
        iteration=0,
        averages=made.cpu().numpy().astype(np.float32),
        references=np.repeat(made.cpu().numpy().astype(np.float32)[None], FOLDS, axis=0),
        noise=noise,
        priors=np.full(k, 1.0 / k),
        shift_deviation=0.5 * max(settings.x_range, settings.y_range, settings.pixel_size),
        frc=np.zeros((k, finest + 1), dtype=np.float32),
        contrast=np.zeros(k, dtype=np.float32),
        classes=np.full(count, UNASSIGNED, dtype=np.int32),
        psi=np.zeros(count, dtype=np.float32),
        origin=np.zeros((count, 2), dtype=np.float32),
        max_probability=np.zeros(count, dtype=np.float32),
        log_likelihood=np.zeros(count, dtype=np.float32),
        history=(),
        moments=np.zeros(0, dtype=np.float32),
    )


def _random_averages(prepared: Prepared, rows: np.ndarray, members: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
    """Averages ``[K, box, box]`` of random subsets, low-passed, and the power of the images ``[G, rings+1]``."""
    settings, grid = prepared.settings, prepared.grid
    groups = np.asarray(prepared.images.groups)
    n_groups = int(groups.max()) + 1
    power = torch.zeros((n_groups, grid.rings), dtype=torch.float64)
    counts = torch.zeros(n_groups, dtype=torch.float64)
    numerator = torch.zeros((2, settings.n_classes, grid.rings, grid.half), device=settings.device)
    denominator = torch.zeros((settings.n_classes, grid.rings, grid.half), device=settings.device)
    where = dict(zip(rows.tolist(), members.tolist(), strict=True))
    for block in block_rows(settings, rows):
        real, imaginary = prepared.coefficients(block, grid.rings)
        place = torch.tensor([where[row] for row in block.tolist()], device=settings.device)
        group = torch.from_numpy(groups[block])
        each = (real.square() + imaginary.square()).mean(dim=2).to(torch.float64).cpu()
        power.index_add_(0, group, each)
        counts += torch.bincount(group, minlength=n_groups)
        ctf = prepared.ctf(block, grid)
        ctf = torch.ones_like(real) if ctf is None else ctf
        numerator[0].index_add_(0, place, real * ctf)
        numerator[1].index_add_(0, place, imaginary * ctf)
        denominator.index_add_(0, place, ctf.square())
    ring = settings.extent / settings.start_resolution
    fall = torch.exp(-0.5 * (torch.arange(1, grid.rings + 1, device=settings.device) / ring) ** 2)[:, None]
    members_each = max(1.0, len(rows) / settings.n_classes)
    values = numerator / (denominator + 0.1 * members_each) * fall
    mean = power.sum(dim=0) / counts.sum().clamp_min(1.0)
    own = ((power + 5.0 * mean) / (counts + 5.0)[:, None] / prepared.frame.inside).clamp_min(1e-12)
    noise = torch.cat((own[:, :1], own), dim=1).numpy()
    return masked(settings, prepared.frame, image_of(prepared.frame, values[0], values[1])), noise
