/* A picture enlarged over the page: by a click on it, or by z on a slider's handle. The slider keeps the keyboard, so
   that its arrow keys change the large picture too. Escape, z or a click closes it. */
(function () {
  "use strict";

  const CLICKABLE = ".bd-content .cell_output img";
  let open = null; // {box, image, figure, place, watch}

  const pictures = (figure) => [...figure.querySelectorAll("img")].filter((img) => img.offsetParent);

  function fit(image, from) { // the largest size that fits: sharp pixels by a whole number
    const factor = Math.min(
      (0.94 * window.innerWidth) / from.naturalWidth, (0.86 * window.innerHeight) / from.naturalHeight);
    const sharp = from.classList.contains("drl-pixels") && factor > 1;
    image.style.width = `${from.naturalWidth * (sharp ? Math.floor(factor) : factor)}px`;
    image.style.imageRendering = from.classList.contains("drl-pixels") ? "pixelated" : "auto";
  }

  function update() {
    const from = pictures(open.figure)[open.place];
    if (!from || open.image.src === from.src) return;
    open.image.src = from.src;
    open.image.alt = from.alt;
    fit(open.image, from);
  }

  function close() {
    if (!open) return;
    open.watch.disconnect();
    open.box.remove();
    open = null;
  }

  function enlarge(from) {
    close();
    const figure = from.closest(".drl-slider-figure, figure, .cell_output") || from.parentElement;
    const box = document.createElement("div"), image = document.createElement("img");
    box.className = "drl-zoom";
    box.setAttribute("role", "dialog");
    box.setAttribute("aria-label", "Enlarged picture; Escape closes it");
    box.append(image);
    document.body.append(box);
    open = { box, image, figure, place: pictures(figure).indexOf(from), watch: new MutationObserver(() => open && update()) };
    open.watch.observe(figure, { subtree: true, childList: true, attributes: true, attributeFilter: ["src"] });
    update();
    box.addEventListener("click", close);
  }

  document.addEventListener("click", (event) => {
    const from = event.target.closest && event.target.closest(CLICKABLE);
    if (from && !from.closest("a, button, .drl-zoom, .drl-wipe") && !event.defaultPrevented) enlarge(from);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (event.key !== "z" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (open) { close(); return; }
    const figure = document.activeElement && document.activeElement.closest(".drl-slider-figure");
    const inside = figure && (figure.querySelector(".drl-pictures img") || figure.querySelector("img"));
    if (inside) enlarge(inside);
  });
})();
