/* A table that can be sorted gets a button in each heading: the first press puts the best or largest first. A heading
   of the class drl-ascending has its smallest first. Cells without a number stay last. */
(function () {
  "use strict";

  function value(row, column) {
    const text = row.cells[column].textContent.trim();
    const number = parseFloat(text.replace("\u2212", "-").replace(/,(?=\d{3})/g, ""));
    return Number.isNaN(number) ? (column === 0 ? text : null) : number;
  }

  function sort(table, column, ascending) {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    rows.sort((one, other) => {
      const [a, b] = [value(one, column), value(other, column)];
      if (a === null || b === null) return (a === null) - (b === null);
      const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
      return ascending ? order : -order;
    });
    rows.forEach((row) => body.appendChild(row));
    Array.from(table.tHead.rows[0].cells).forEach((cell, place) => {
      if (place === column) cell.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      else cell.removeAttribute("aria-sort");
    });
  }

  function prepare() {
    document.querySelectorAll("table.drl-sortable").forEach((table) => {
      Array.from(table.tHead.rows[0].cells).forEach((cell, column) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "drl-sort";
        button.title = "sort by this column";
        button.textContent = cell.textContent;
        cell.replaceChildren(button);
        button.addEventListener("click", () => {
          const first = column === 0 || cell.classList.contains("drl-ascending");
          const now = cell.getAttribute("aria-sort");
          sort(table, column, now === null ? first : now !== "ascending");
        });
      });
    });
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", prepare);
  else prepare();
})();
