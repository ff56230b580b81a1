"""Thin, typed wrappers over the part of OpenGL 3.3 core that the views draw with.

All of them need a current OpenGL context in the calling thread, and are released in that context by `release()`.
"""
