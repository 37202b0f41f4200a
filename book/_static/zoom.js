/* Pictures enlarged over the page: one by a click on it, all of a figure by z on its slider's handle. The slider keeps
   the keyboard, so that its arrow keys change the large pictures too. Escape, z or a click closes it. */
(function () {
  "use strict";

  const CLICKABLE = ".bd-content .cell_output img";
  let open = null; // {box, images, figure, places, watch}

  const pictures = (figure) => [...figure.querySelectorAll("img")].filter((img) => img.offsetParent);

  function fit(images, sources) { // beside each other, as large as fits: sharp pixels by a whole number
    const wide = sources.reduce((sum, from) => sum + from.naturalWidth, 0);
    const high = Math.max(...sources.map((from) => from.naturalHeight));
    const room = 0.96 * window.innerWidth - 16 * (sources.length - 1);
    const factor = Math.min(room / wide, (0.86 * window.innerHeight) / high);
    const sharp = sources.some((from) => from.classList.contains("drl-pixels")) && factor > 1;
    images.forEach((image, i) => {
      image.style.width = `${sources[i].naturalWidth * (sharp ? Math.floor(factor) : factor)}px`;
      image.style.imageRendering = sources[i].classList.contains("drl-pixels") ? "pixelated" : "auto";
    });
  }

  function update() {
    const shown = pictures(open.figure);
    const sources = open.places.map((place) => shown[place]);
    if (sources.some((from) => !from)) return;
    open.images.forEach((image, i) => {
      if (image.src !== sources[i].src) image.src = sources[i].src;
      image.alt = sources[i].alt;
    });
    fit(open.images, sources);
  }

  function close() {
    if (!open) return;
    open.watch.disconnect();
    open.box.remove();
    open = null;
  }

  function enlarge(sources) {
    close();
    const figure = sources[0].closest(".drl-slider-figure, figure, .cell_output") || sources[0].parentElement;
    const box = document.createElement("div"), images = sources.map(() => document.createElement("img"));
    box.className = "drl-zoom";
    box.setAttribute("role", "dialog");
    box.setAttribute("aria-label", "Enlarged; Escape closes it");
    box.append(...images);
    document.body.append(box);
    const shown = pictures(figure);
    open = { box, images, figure, places: sources.map((from) => shown.indexOf(from)), watch: new MutationObserver(() => open && update()) };
    open.watch.observe(figure, { subtree: true, childList: true, attributes: true, attributeFilter: ["src"] });
    update();
    box.addEventListener("click", close);
  }

  document.addEventListener("click", (event) => {
    const from = event.target.closest && event.target.closest(CLICKABLE);
    if (from && !from.closest("a, button, .drl-zoom, .drl-wipe") && !event.defaultPrevented) enlarge([from]);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (event.key !== "z" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (open) { close(); return; }
    const figure = document.activeElement && document.activeElement.closest(".drl-slider-figure");
    const inside = figure ? pictures(figure) : [];
    if (inside.length) enlarge(inside);
  });
})();
