"""A module imports from its own layer and from the layers below it, never upwards, and the library has no screen."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "ais"
LAYERS = (
    {"__init__", "errors", "progress"},
    {"formats"},
    {"project", "annotation", "fluorescence", "sampled_values", "tomogram", "trainset", "models"},
    {
        "analysis",
        "batch",
        "blobs",
        "centre_lines",
        "chosen_models",
        "classic",
        "compared_masks",
        "comparison",
        "components",
        "copick_writing",
        "demo",
        "divided_blobs",
        "export",
        "feature_library",
        "filaments",
        "filling",
        "filters",
        "foreground",
        "installation",
        "interactions",
        "label_images",
        "metrics",
        "model_check",
        "network_grid",
        "orientation",
        "phantom",
        "pick_tables",
        "picking",
        "prediction",
        "ctrl_c",
        "process_end",
        "read_ahead",
        "removal",
        "report",
        "scene_files",
        "rough_paths",
        "segment_settings",
        "segmentation",
        "segmented_slabs",
        "segmented_volumes",
        "separation",
        "shards",
        "simulation",
        "skeleton",
        "skeleton_graph",
        "skeleton_paths",
        "stages",
        "surface_picture",
        "surface_pieces",
        "surface_slabs",
        "surfaces",
        "symmetries",
        "thinning",
        "tomogram_task",
        "training",
        "truth",
        "uncertainty",
        "workers",
        "written_behind",
    },
    {"cluster", "engine"},
    {"cli", "gui"},
)
SCREEN = {"OpenGL", "imgui_bundle", "glfw", "moderngl", "tkinter"}
NETWORKS = {"tensorflow", "keras", "torch", "jax"}
MAY_USE_NETWORKS = {"models", "training", "segmentation"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def level(name: str) -> int:
    found = [index for index, layer in enumerate(LAYERS) if name in layer]
    assert found, f"ais.{name} is in no layer: add it to LAYERS"
    return found[0]


def imports(tree: ast.AST) -> list[tuple[str, ast.AST]]:
    found: list[tuple[str, ast.AST]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "ais" else [node.module or ""]
            )
            found += [(name, node) for name in names]
    return found


def run_at_import(tree: ast.Module) -> list[str]:
    """Modules imported when the file itself is imported: not inside functions, not for type checking only."""
    found: list[str] = []
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            found += [name for name, _ in imports(node)]
        pending += list(ast.iter_child_nodes(node))
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downwards(path: Path) -> None:
    mine = level(room(path))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for name, _ in imports(tree):
        top, _, rest = name.partition(".")
        if top == "ais" and rest:
            target = rest.split(".")[0]
            if (PACKAGE / target).is_dir() or (PACKAGE / f"{target}.py").exists():
                assert level(target) <= mine, f"{path.name} imports {name}, which is in a higher layer"
        if mine < level("gui"):
            assert top not in SCREEN, f"{path.name} imports {name}"
        if top in NETWORKS:
            assert room(path) in MAY_USE_NETWORKS, f"{path.name} imports {name}"
    for name in run_at_import(tree):
        assert name.partition(".")[0] not in NETWORKS, f"{path.name} imports {name} when it is itself imported"


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {line.partition(".")[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize(
    "code",
    [
        "import ais",
        "import ais.cli.main as m; m.run(['--help'])",
        "import ais.project, ais.trainset, ais.models, ais.training, ais.segmentation, ais.export",
        "import ais.picking, ais.surfaces, ais.filters, ais.metrics, ais.simulation, ais.interactions",
    ],
)
def test_importing_the_library_loads_no_network_and_no_window(code: str) -> None:
    assert not loaded_by(code) & (NETWORKS | SCREEN)


def test_help_loads_little() -> None:
    heavy = {"numpy", "scipy", "pandas", "skimage", "vtkmodules", "rich"}
    assert not loaded_by("import ais.cli.main as m; m.run(['--help'])") & heavy
