"""The panels around the views: one module for each, with a function that draws it."""
