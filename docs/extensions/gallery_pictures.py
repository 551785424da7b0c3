"""What sphinx-gallery needs to know: where an example's pictures are, and the order of the examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ORDER = (
    "first_network",
    "gradient_check",
    "initialisation",
    "plateau_and_saddle",
    "schedules",
    "checkup",
    "monitor",
    "tables",
    "search",
    "many_networks",
    "ensembles",
    "export",
)


class Order:
    """Sorts the examples from the first steps to the last; new ones come at the end."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, filename: str) -> tuple[int, str]:
        """Return the key of one file."""
        name = Path(filename).stem
        return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def figures(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save the figures a block made: ours belong to no window, so they are found among the variables."""
    from matplotlib.figure import Figure
    from sphinx_gallery.scrapers import figure_rst

    paths = []
    for value in block_vars["example_globals"].values():
        if isinstance(value, Figure) and not getattr(value, "in_the_gallery", False):
            path = next(block_vars["image_path_iterator"])
            value.savefig(path, dpi=130)
            value.in_the_gallery = True  # type: ignore[attr-defined]
            paths.append(path)
    return str(figure_rst(paths, gallery_conf["src_dir"]))


def _get_sg_image_scraper() -> Any:
    """Let sphinx-gallery find the scraper by this module's name."""
    return figures
