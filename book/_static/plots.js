/* On a dark page a drawing of lines alone turns dark, with its hues kept; so does one whose class says that what it holds
   as pixels are lines or dots. A drawing that holds a picture, or shows one as cells and says so by its class, stays as it
   is: pictures are the subject, and no theme may touch them. */
(function () {
  "use strict";

  const DRAWING = /^data:image\/svg\+xml;base64,/;
  const PICTURE = /<image|<svg [^>]*class="picture"/;
  const LINES = /<svg [^>]*class="lines"/;
  const isDark = () => document.documentElement.dataset.theme === "dark";

  function mark(image) {
    const source = image.src;
    if (image.drlMarked === source || !DRAWING.test(source)) return;
    image.drlMarked = source;
    const drawing = atob(source.replace(DRAWING, ""));
    image.classList.toggle("drl-lines", LINES.test(drawing) || !PICTURE.test(drawing));
  }

  function markAll(node) {
    if (!isDark()) return;
    if (node.nodeName === "IMG") mark(node);
    else if (node.querySelectorAll) node.querySelectorAll("img").forEach(mark);
  }

  function start() {
    markAll(document.body);
    new MutationObserver((changes) => {
      for (const change of changes) {
        if (change.type === "attributes") markAll(change.target);
        else change.addedNodes.forEach(markAll);
      }
    }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["src"] });
    new MutationObserver(() => markAll(document.body)).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-theme"],
    });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
