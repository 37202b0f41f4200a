"""Where the published book and its code are: two variables at build. Without them no page names an address.

`DEEPRESTORE_ADDRESS`: where the pages will be. `DEEPRESTORE_REPOSITORY`: where the code is; it brings the buttons for
the repository, its issues, the source of a page, and for running it in Colab or Binder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

VARIABLES = ("DEEPRESTORE_ADDRESS", "DEEPRESTORE_REPOSITORY", "DEEPRESTORE_BRANCH")
BUTTONS = {
    "use_repository_button": True,
    "use_issues_button": True,
    "use_edit_page_button": True,
}
LAUNCH = {
    "notebook_interface": "jupyterlab",
    "colab_url": "https://colab.research.google.com",
    "binderhub_url": "https://mybinder.org",
}


def checked(name: str, variables: Mapping[str, str]) -> str:
    """The address in a variable, without a slash at its end; empty where there is none.

    Raises `SystemExit` for what is no address of the web.
    """
    value = variables.get(name, "").strip().rstrip("/")
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment):
        raise SystemExit(f"{name} must be an address such as https://example.org/course, got {value!r}")
    return value


def add_addresses(config: dict, variables: Mapping[str, str] = os.environ) -> dict:
    """The book's settings with what the variables bring."""
    address, code = (checked(name, variables) for name in VARIABLES[:2])
    if address:
        config["sphinx"]["config"]["html_baseurl"] = f"{address}/"
    if code:
        branch = variables.get("DEEPRESTORE_BRANCH") or "main"
        config["repository"] = {"url": code, "path_to_book": "book", "branch": branch}
        config["html"] |= BUTTONS
        config["launch_buttons"] |= LAUNCH
    return config
