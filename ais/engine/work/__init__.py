"""The tasks of the compute process that are work for the user: training, segmenting what is on the screen, checking."""
