"""Makes the pictures of the window in `docs/images` by performing its tutorials; run it from the repository's root.

Tutorials are stories of `tests/gui`: they need what those tests need, and no screen. The module of one, such as
`stories_tutorial_scene`, performs that one alone.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
COLOURS, ROUNDS = 256, 5


def main() -> int:
    """Perform the tutorials and keep their pictures, in few colours so that they are small."""
    which = sys.argv[1] if len(sys.argv) > 1 else "stories_tutorial"
    tests = [sys.executable, "-m", "pytest", "tests/gui", "-q", "-k", which]
    began = time.time()
    code = subprocess.run(tests, cwd=ROOT, check=False).returncode
    if code:
        return code
    for path in sorted((ROOT / "build" / "screenshots" / "tutorial").glob("window_*.png")):
        if path.stat().st_mtime < began:
            continue
        with Image.open(path) as picture:
            small = picture.convert("RGB").quantize(
                COLOURS, Image.Quantize.MEDIANCUT, kmeans=ROUNDS, dither=Image.Dither.NONE
            )
            small.save(ROOT / "docs" / "images" / path.name, optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
