"""Where the published book and its code are: two variables at build. Without them no page names an address.

`DEEPRESTORE_ADDRESS`: where the pages will be. `DEEPRESTORE_REPOSITORY`: where the code is; it brings the buttons for
the repository, its issues, the source of a page, and for running it in Binder. `DEEPRESTORE_COLAB_BRANCH`: the branch
there on which the notebooks for Colab are published (`scripts/book/colab.py`); it brings the button for Colab.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

VARIABLES = ("DEEPRESTORE_ADDRESS", "DEEPRESTORE_REPOSITORY", "DEEPRESTORE_BRANCH", "DEEPRESTORE_COLAB_BRANCH")
BUTTONS = {
    "use_repository_button": True,
    "use_issues_button": True,
    "use_edit_page_button": True,
}
COLAB = "https://colab.research.google.com"
LAUNCH = {
    "notebook_interface": "jupyterlab",
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


def colab_address(variables: Mapping[str, str]) -> str:
    """Where Colab opens the notebooks of the branch that is named for it; empty where none is.

    Raises `SystemExit` for a branch without a repository on GitHub, the only one whose notebooks Colab opens.
    """
    branch, code = variables.get("DEEPRESTORE_COLAB_BRANCH", "").strip(), checked("DEEPRESTORE_REPOSITORY", variables)
    if not branch:
        return ""
    parts = urlsplit(code.removesuffix(".git"))
    names = parts.path.strip("/").split("/")
    if parts.netloc != "github.com" or len(names) != 2 or not all(names):
        wanted = "DEEPRESTORE_REPOSITORY must be a repository such as https://github.com/OWNER/NAME"
        raise SystemExit(f"{wanted} where DEEPRESTORE_COLAB_BRANCH is set, got {code!r}")
    return f"{COLAB}/github/{names[0]}/{names[1]}/blob/{quote(branch, safe='')}"


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
    if colab := colab_address(variables):
        config["sphinx"]["config"]["colab_address"] = colab
    return config
