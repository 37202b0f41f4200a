"""The book as one PDF: `make pdf`, after `make book`; written to `book/_build/deep-restoration-lab.pdf`.

A Chromium prints the first page, the chapters with their exercises and the appendices as the style sheet has them on
paper; sliders stand where they start, questions are open. pypdf joins them, with an outline for the reader of the PDF.
"""

from __future__ import annotations

import io
import sys
import time
from html import escape
from pathlib import Path

import yaml
from pypdf import PdfWriter

from deeprestore_lab.core.writing import write_whole
from deeprestore_lab.course.doctor import BROWSERS, find_chromium
from scripts import ROOT
from scripts.book.places import Places

MARGINS = {"top": "18mm", "bottom": "20mm", "left": "18mm", "right": "18mm"}
SCALE = 0.75  # of the size on the screen: text of 9 points, and 79 columns of code
FOOTER = (
    '<div style="font:8px sans-serif;color:#555;width:100%;text-align:center">'
    'Deep Restoration Lab &middot; {title} &middot; <span class="pageNumber"></span></div>'
)
READY = """() => {
  document.documentElement.dataset.theme = 'light';
  document.querySelectorAll('img').forEach(one => { one.loading = 'eager'; });
}"""


def contents(places: Places) -> list[tuple[str, list[str]]]:
    """The parts of the book with the names of their pages, in order; the pages of the library are left out."""
    table = yaml.safe_load((places.book / "_toc.yml").read_text(encoding="utf-8"))
    parts = [("", [table["root"]])]
    for part in table["parts"]:
        names = []
        for entry in part["chapters"]:
            names += [entry["file"], *(section["file"] for section in entry.get("sections", []))]
        parts.append((part["caption"], [name for name in names if not name.startswith("api")]))
    return [(caption, names) for caption, names in parts if names]


def joined(parts: list[tuple[str, list[tuple[str, bytes]]]]) -> bytes:
    """One PDF of many: each part with its pages' titles and files; parts and pages stand in the outline."""
    writer = PdfWriter()
    for caption, pages in parts:
        above = None
        for title, raw in pages:
            at = len(writer.pages)
            writer.append(io.BytesIO(raw), import_outline=False)
            if caption and above is None:
                above = writer.add_outline_item(title=caption, page_number=at)
            writer.add_outline_item(title=title, page_number=at, parent=above)
    writer.add_metadata({"/Title": "Deep Restoration Lab"})
    writer.compress_identical_objects()
    whole = io.BytesIO()
    writer.write(whole)
    return whole.getvalue()


def printed(page, address: str) -> tuple[str, bytes]:
    """The title of a page and what it looks like on paper."""
    page.goto(address, wait_until="load")
    if page.locator('script[type="application/vnd.jupyter.widget-view+json"]').count():
        page.wait_for_function("document.querySelectorAll('.noUi-handle').length > 0")
    page.evaluate(READY)
    page.wait_for_function("!document.documentElement.dataset.formulas")
    page.evaluate("Promise.all([...document.images].map(one => one.decode().catch(() => {}))).then(() => true)")
    page.emulate_media(media="print")
    title = page.locator("h1").first.inner_text().rstrip("#").strip()
    raw = page.pdf(
        format="A4",
        scale=SCALE,
        print_background=True,
        margin=MARGINS,
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=FOOTER.format(title=escape(title)),
    )
    page.emulate_media(media="screen")
    return title, raw


def main() -> None:
    """Print every page, join them, say what came. Anything that is missing ends with `SystemExit`."""
    from playwright.sync_api import sync_playwright
    from tqdm.auto import tqdm

    places, began = Places(ROOT), time.perf_counter()
    if not places.finished.is_file():
        raise SystemExit("the book is not built: run `make book` first")
    path = find_chromium()
    if path is None:
        raise SystemExit(f"a Chromium prints the pages ({', '.join(BROWSERS)}), and none was found")
    parts, found = contents(places), []
    with sync_playwright() as driver, tqdm(total=sum(len(names) for _, names in parts), unit="page") as bar:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(color_scheme="light", reduced_motion="reduce")
        page.set_default_timeout(120_000)
        for caption, names in parts:
            done = []
            for name in names:
                done.append(printed(page, (places.html / f"{name}.html").as_uri()))
                bar.update()
            found.append((caption, done))
        browser.close()
    target = places.built / "deep-restoration-lab.pdf"
    raw = joined(found)
    write_whole(target, raw)
    seconds = time.perf_counter() - began
    print(f"{target.relative_to(Path(ROOT))}: {len(raw) / 1e6:.1f} MB in {seconds:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
