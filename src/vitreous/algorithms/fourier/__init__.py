"""Fourier tools that every family shares; arrays are ``[..., y, x]``, transforms in ``rfft2`` layout."""
