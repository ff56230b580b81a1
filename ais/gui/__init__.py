"""The editor window: tomograms opened, looked at and annotated by hand; `ais.gui.app.run` starts it."""
