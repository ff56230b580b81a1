"""Processes of this machine that segment tomograms side by side: one for each GPU, or several that share the CPU."""
