"""The three programs that can compute a network, each behind the same few functions."""
