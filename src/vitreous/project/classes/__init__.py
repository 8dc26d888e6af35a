"""Class averages of 2D classifications, for people who look at them and choose."""
