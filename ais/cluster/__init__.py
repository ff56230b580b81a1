"""One call's tomograms shared out by a Dask scheduler; Dask is loaded only when a cluster is asked for."""
