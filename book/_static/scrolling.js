/* A table wider than the page scrolls by itself; who has no mouse reaches it by the tab key, and only then. Wide formulas
   are marked, so that they scroll or say that they do: MathJax has them in the tab order already. So are drawings. */
(function () {
  "use strict";

  const wide = (box) => box.clientWidth > 0 && box.scrollWidth > box.clientWidth + 1;

  function update() {
    document.querySelectorAll(".drl-scroll, .bd-content table.table").forEach((box) => {
      if (wide(box)) box.setAttribute("tabindex", "0");
      else box.removeAttribute("tabindex");
    });
    document.querySelectorAll(".bd-content span.math > mjx-container").forEach((formula) => {
      const line = formula.parentElement; // italics overhang: only the box of the formula says how wide it is
      line.classList.toggle("drl-wide", line.clientWidth > 0 && formula.offsetWidth > line.clientWidth + 1);
    });
    document.querySelectorAll(".drl-row > img[src^='data:image/svg']:only-child").forEach((drawing) => {
      const row = drawing.parentElement, column = row.closest(".cell_output"); // hidden rows have no width
      const scrolls = column !== null && parseFloat(getComputedStyle(drawing).minWidth) > column.clientWidth;
      row.classList.toggle("drl-wide", scrolls);
      if (scrolls) row.setAttribute("tabindex", "0");
      else row.removeAttribute("tabindex");
    });
    document.querySelectorAll(":is(.admonition, .drl-ask) div.math").forEach((formula) => {
      formula.classList.toggle("drl-wide", wide(formula));
    });
  }
  window.addEventListener("load", update);
  document.addEventListener("drl-typeset", update);
  window.addEventListener("resize", update);
})();
