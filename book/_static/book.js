/* Keeps the widgets of the page apart from MathJax 3, and lets them come first. Their names come from
   deeprestore_lab/course/widgets/names.js. */
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

  // MathJax takes a second or more on a slow machine: it starts when the sliders stand. Until then formulas are not seen
  // (`book.css`); where it does not come, their source is.
  const page = document.documentElement, here = document.currentScript.src;
  const formulas = () => document.querySelector(".math.notranslate") !== null;
  let touched = false;

  function done() {
    delete page.dataset.formulas;
    document.dispatchEvent(new Event("drl-typeset"));
    if (location.hash && !touched) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  }

  function typeset() {
    const script = document.createElement("script");
    script.src = new URL("mathjax/tex-chtml.js", here);
    script.onload = () => MathJax.startup.promise.then(done, done);
    script.onerror = done;
    document.head.append(script);
  }

  page.dataset.formulas = "waiting";
  document.addEventListener("DOMContentLoaded", () => formulas() || delete page.dataset.formulas);
  window.addEventListener("load", () => {
    for (const kind of ["wheel", "touchmove", "keydown", "pointerdown"])
      window.addEventListener(kind, () => { touched = true; }, { once: true, passive: true });
    if (!formulas()) return;
    if (window.requestIdleCallback) requestIdleCallback(typeset, { timeout: 2000 });
    else setTimeout(typeset);
  });
})();
