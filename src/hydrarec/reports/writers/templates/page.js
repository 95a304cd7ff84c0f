"use strict";
// Sort a table by a click on its head: numbers by their value, up first; what is missing stays last.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => row.cells[column].dataset.value;
    const compare = (first, second) => {
      const [a, b] = [key(first), key(second)];
      if (a === "" || b === "") return (a === "") - (b === "");
      const order = isNaN(a) || isNaN(b) ? a.localeCompare(b, undefined, {numeric: true}) : a - b;
      return down ? -order : order;
    };
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort(compare));
  }));
}
// A click on a name in a chart, or Enter, switches its curve off and on.
for (const name of document.querySelectorAll(".chart .legend")) {
  const parts = name.closest("svg").querySelectorAll(`[data-series="${name.dataset.series}"]`);
  const toggle = () => parts.forEach((part) => part.classList.toggle("off"));
  name.setAttribute("tabindex", "0");
  name.addEventListener("click", toggle);
  name.addEventListener("keydown", (event) => event.key === "Enter" && toggle());
}
