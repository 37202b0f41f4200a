"""Take the pictures of the book that others show: the README's slider figure, and the card of a link to the book.

    python -m scripts.book.slider_picture [page] [number]

`page` is one of the book's pages (by default its first one), `number` which of its slider figures, from 0.
Writes book/images/slider.png and book/_static/card.png. Needs the built book, playwright and a Chromium.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path

from PIL import Image

from deeprestore_lab.course.doctor import find_chromium
from scripts import ROOT

BOOK = ROOT / "book"
TARGET, CARD, LOGO = BOOK / "images" / "slider.png", BOOK / "_static" / "card.png", BOOK / "images" / "logo.svg"
CARD_PAGE = """\
<body style="margin:0;width:1200px;height:630px;display:flex;gap:48px;align-items:center;background:#fff;
  font-family:sans-serif;box-sizing:border-box;padding:48px">
<div style="flex:1"><img src="{logo}" width="120"><h1 style="font-size:68px;line-height:1.1;margin:24px 0">Deep<br>
Restoration Lab</h1><p style="font-size:32px;line-height:1.35;color:#445">Priors for images, from total variation to
deep networks: derive them, run them, slide them.</p></div><img src="{figure}" height="520"></body>
"""


def save(page, target: Path, **options) -> None:
    """Save what a page, or a part of it, looks like, with 256 colours."""
    target.parent.mkdir(exist_ok=True)
    page.screenshot(path=target, **options)
    Image.open(target).convert("RGB").quantize(256).save(target, optimize=True)
    print(f"{target.relative_to(BOOK.parent)}: {target.stat().st_size / 1e3:.0f} kB")


def main(page_name: str = "intro.html", number: str = "0") -> None:
    """Open the page, take the figure at twice its size, then the card with its pictures."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=2, color_scheme="light")
        page.goto((BOOK / "_build" / "html" / page_name).as_uri())
        figure = page.locator(".drl-slider-figure").nth(int(number))
        figure.locator(".noUi-handle").first.wait_for()
        page.wait_for_timeout(500)
        save(figure, TARGET)
        shown = figure.locator(".drl-pictures img").last.get_attribute("src")
        card = browser.new_page(viewport={"width": 1200, "height": 630})
        logo = f"data:image/svg+xml;base64,{base64.b64encode(LOGO.read_bytes()).decode()}"
        card.set_content(CARD_PAGE.format(logo=logo, figure=shown))
        card.wait_for_timeout(500)
        save(card, CARD)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
