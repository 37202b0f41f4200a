/* Makes the widgets of the page usable without a mouse and without eyes, and keeps them apart from MathJax 3. */
(function () {
  "use strict";

  // Widgets ask MathJax 2's hub to typeset their labels. MathJax 3 has no hub, and our labels hold no formulas.
  let mathjax = window.MathJax;
  const withHub = (value) => {
    if (value && typeof value === "object" && !value.Hub) value.Hub = { Queue() {} };
    return value;
  };
  Object.defineProperty(window, "MathJax", {
    configurable: true,
    get: () => withHub(mathjax),
    set: (value) => { mathjax = value; },
  });

  const set = (element, name, value) => {
    if (value && element.getAttribute(name) !== value) element.setAttribute(name, value);
  };
  const text = (root, selector) => {
    const found = root.querySelector(selector);
    return found ? found.textContent.trim() : "";
  };

  function nameSlider(handle) {
    const root = handle.closest(".widget-hslider, .widget-vslider");
    if (!root) return;
    set(handle, "aria-label", text(root, ".widget-label"));
    set(handle, "aria-valuetext", text(root, ".widget-readout"));
  }

  function nameToggles(root) {
    set(root, "role", "group");
    set(root, "aria-label", text(root, ".widget-label"));
    root.querySelectorAll("button").forEach((button) => {
      set(button, "aria-pressed", String(button.classList.contains("mod-active")));
    });
  }

  function nameAll() {
    document.querySelectorAll(".noUi-handle").forEach(nameSlider);
    document.querySelectorAll(".widget-toggle-buttons").forEach(nameToggles);
    document.querySelectorAll(".drl-pictures").forEach((box) => set(box, "aria-live", "polite"));
  }

  let waiting = false;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; nameAll(); });
  };

  document.addEventListener("DOMContentLoaded", () => {
    nameAll();
    new MutationObserver(soon).observe(document.body, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
      attributeFilter: ["aria-valuetext", "class"],
    });
  });
})();
