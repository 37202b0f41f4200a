/* Makes widgets usable without eyes, in the book and in JupyterLab: ipywidgets leaves sliders and toggles nameless. */
(function () {
  "use strict";

  if (window.deeprestoreNames) return; // every slider figure brings this script; one is enough
  window.deeprestoreNames = true;

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

  function start() {
    nameAll();
    new MutationObserver(soon).observe(document.body, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
      attributeFilter: ["aria-valuetext", "class"],
    });
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
