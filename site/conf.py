"""Sphinx's settings for the rendered course. Its source is made by `make site`; this folder holds what is written by hand."""

import os
import sys
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
_course = tomllib.loads((Path(__file__).parent / "course.toml").read_text(encoding="utf-8"))
_mathjax = os.environ.get("COURSE_MATHJAX", "")
_edition = os.environ.get("COURSE_EDITION", "public")

project = _course["short"]
html_title = project + (" (instructor's edition)" if _edition == "instructor" else "")
author = ""
project_copyright = ""
language = "en"

extensions = ["myst_nb", "words"]
nb_execution_mode = "off"  # the chapters have run already, see autograder/site/run.py
nb_merge_streams = True
nb_render_markdown_format = "myst"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_extra", "pages.json"]

html_theme = "pydata_sphinx_theme"
templates_path = ["templates"]
html_static_path = ["static", *([str(Path(_mathjax).parent)] if _mathjax else [])]
html_css_files = ["course.css"]
html_js_files = ["course.js"]
html_favicon = "static/favicon.svg"
html_extra_path = [os.environ["COURSE_EXTRA"]] if "COURSE_EXTRA" in os.environ else []
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_use_index = False
html_last_updated_fmt = None
html_permalinks_icon = "#"
# Where the pages will stand, for canonical links: `COURSE_URL=... make site`.
html_baseurl = os.environ.get("COURSE_URL", "")
html_context = {"default_mode": "auto"}
html_sidebars = {"**": ["chapters.html"]}
html_theme_options = {
    "navbar_start": ["brand.html"],
    "navbar_center": [],
    "navbar_end": ["light-or-dark.html"],
    "navbar_persistent": ["search-box.html"],
    "article_header_start": [],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["closing.html"],
    "footer_end": [],
    "primary_sidebar_end": [],
    "back_to_top_button": False,
    "show_toc_level": 2,
    "search_bar_text": "Search",
}

# Formulas: MathJax from this site, or TeX as it is where it could not be fetched.
html_math_renderer = "mathjax" if _mathjax else "tex"
mathjax_path = Path(_mathjax).name or "none"
mathjax3_config = {"options": {"enableMenu": False}, "svg": {"fontCache": "global"}}
