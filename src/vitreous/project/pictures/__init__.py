"""Pictures of images: read lazily, reduced, in grey levels, as spectra, blurred for guests; no torch, little memory."""
