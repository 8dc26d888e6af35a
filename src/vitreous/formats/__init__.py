"""One file per format; readers give a lazy typed header and frames as an iterator, writers are atomic."""
