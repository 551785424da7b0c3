"""How the documentation is built: `nox -s docs`, or `sphinx-build -W docs build/docs` where steepest is installed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

import steepest

project = "steepest"
author = "steepest developers"
project_copyright = author
version = release = steepest.__version__

extensions = [
    "api_reference",
    "sample_report",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["extensions", "extra"]
html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = f"steepest {release}"
html_static_path = ["static"]
Path(__file__).with_name("extra").mkdir(exist_ok=True)  # sample_report writes into it
html_extra_path = ["extra"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False

autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say more: shapes, units, ranges
add_module_names = False
default_role = "literal"
toc_object_entries_show_parents = "hide"
myst_heading_anchors = 3
numpydoc_show_class_members = False  # the members stand below, with their own texts
numpydoc_xref_param_type = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",  # all of them run
    "within_subsection_order": "gallery_pictures.Order",
    "image_scrapers": ("gallery_pictures",),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "min_reported_time": 1e9,
    "write_computation_times": False,
    "show_signature": False,
    "capture_repr": ("__repr__",),
}
