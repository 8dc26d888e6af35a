"""Sets of particle coordinates: consensus, comparison."""
