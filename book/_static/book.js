/* Keeps the widgets of the page apart from MathJax 3. Their names come from deeprestore_lab/course/widgets/names.js. */
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
})();
