"""`python -m ais.cli` is the `ais` command."""

from __future__ import annotations

from ais.cli.main import main

main()
