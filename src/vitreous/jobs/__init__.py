"""One file per job type: parameters, what it reads and writes, and the function that joins algorithms and formats."""
