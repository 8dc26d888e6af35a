"""The ``vitreous`` command: argument parsing and what the terminal shows."""
