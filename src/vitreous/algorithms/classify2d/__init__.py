"""2D classification by maximum likelihood on polar Fourier grids: rotations are exact and nearly free."""
