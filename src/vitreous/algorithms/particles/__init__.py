"""Particles cut out of micrographs: pixels ``[..., y, x]``, positions (x, y), the centre of n px at n // 2."""
