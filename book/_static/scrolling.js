/* A table wider than the page scrolls by itself; who has no mouse reaches it by the tab key, and only then. */
(function () {
  "use strict";

  function reachable() {
    document.querySelectorAll(".drl-scroll, .bd-content table.table").forEach((box) => {
      if (box.scrollWidth > box.clientWidth + 1) box.setAttribute("tabindex", "0");
      else box.removeAttribute("tabindex");
    });
  }
  window.addEventListener("load", reachable);
  window.addEventListener("resize", reachable);
})();
