"""Makes the pictures of the window in `docs/images` by performing its tutorial; run it from the repository's root.

The tutorial is a story of `tests/gui`: it needs what those tests need, and no screen.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
COLOURS = 256


def main() -> int:
    """Perform the tutorial and keep its pictures, in few colours so that they are small."""
    tests = [sys.executable, "-m", "pytest", "tests/gui/test_stories.py", "-q", "-k", "stories_tutorial"]
    code = subprocess.run(tests, cwd=ROOT, check=False).returncode
    if code:
        return code
    for path in sorted((ROOT / "build" / "screenshots" / "tutorial").glob("window_*.png")):
        with Image.open(path) as picture:
            small = picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            small.save(ROOT / "docs" / "images" / path.name, optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
