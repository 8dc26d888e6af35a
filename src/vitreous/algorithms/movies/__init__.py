"""Frames to one image: gain, defects, whole-frame and local motion, exposure-filtered sums."""
