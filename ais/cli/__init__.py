"""The `ais` command: one file per subcommand."""
