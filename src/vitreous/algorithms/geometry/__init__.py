"""Rotations, symmetry and projection, which every family shares; points are ``(x, y, z)``, volumes ``[z, y, x]``."""
