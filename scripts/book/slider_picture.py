"""Take the picture of a slider figure that the introduction and the README show, from the built book.

    python -m scripts.book.slider_picture [page] [number]

`page` is one of the book's pages (by default part3_priors/10_map.html), `number` which of its slider figures, from 0.
Writes book/images/slider.png. Needs the built book, playwright and a Chromium.
"""

from __future__ import annotations

import shutil
import sys

from PIL import Image

from scripts import ROOT

BOOK = ROOT / "book"
TARGET = BOOK / "images" / "slider.png"


def main(page_name: str = "part3_priors/10_map.html", number: str = "0") -> None:
    """Open the page, take the figure at twice its size, and save it with 256 colours."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=2, color_scheme="light")
        page.goto((BOOK / "_build" / "html" / page_name).as_uri())
        figure = page.locator(".drl-slider-figure").nth(int(number))
        figure.locator(".noUi-handle").first.wait_for()
        page.wait_for_timeout(500)
        TARGET.parent.mkdir(exist_ok=True)
        figure.screenshot(path=TARGET)
        browser.close()
    Image.open(TARGET).convert("RGB").quantize(256).save(TARGET, optimize=True)
    print(f"{TARGET.relative_to(BOOK.parent)}: {TARGET.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(*sys.argv[1:])
