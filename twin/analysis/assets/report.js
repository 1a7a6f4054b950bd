"use strict";
// Draws every figure in the colours of the page, follows a change of light and paper, filters the events, sorts tables.
(function () {
  const config = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };
  const figures = [...document.querySelectorAll(".figure")];

  function colours() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    return { text: of("--text"), quiet: of("--quiet"), grid: of("--grid"), card: of("--card"), line: of("--line") };
  }

  function dressed(layout) {
    const now = colours();
    const result = {
      ...layout,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, sans-serif", size: 12, color: now.text },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: now.line, activecolor: now.text },
      hoverlabel: { bgcolor: now.card, bordercolor: now.line, font: { color: now.text } },
    };
    for (const key of Object.keys(result).filter((name) => /^[xy]axis/.test(name))) {
      result[key] = { ...result[key], gridcolor: now.grid, linecolor: now.line, zerolinecolor: now.line };
    }
    return result;
  }

  function draw(figure) {
    const content = JSON.parse(figure.querySelector("script").textContent);
    figure.source = content.layout;
    const place = document.createElement("div");
    figure.append(place);
    return Plotly.newPlot(place, content.data, dressed(content.layout), config).then(() => {
      figure.dataset.drawn = "yes";
    });
  }

  function dress() {
    for (const figure of figures) {
      const place = figure.querySelector(".js-plotly-plot");
      const axes = Object.keys(place.layout).filter((name) => /^[xy]axis/.test(name));
      const changed = dressed(figure.source);
      const update = { font: changed.font, modebar: changed.modebar, hoverlabel: changed.hoverlabel };
      for (const axis of axes) {
        for (const part of ["gridcolor", "linecolor", "zerolinecolor"]) {
          update[`${axis}.${part}`] = (changed[axis] || {})[part];
        }
      }
      Plotly.relayout(place, update);
    }
  }

  function filterEvents() {
    const table = document.getElementById("event-rows");
    if (!table) return;
    const levels = [...document.querySelectorAll("input[name=level]")];
    const site = document.getElementById("event-site");
    const search = document.getElementById("event-search");
    const count = document.getElementById("event-count");
    const rows = [...table.rows].map((row) => ({ row, text: row.textContent.toLowerCase() }));

    function apply() {
      const chosen = new Set(levels.filter((box) => box.checked).map((box) => box.value));
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const { row, text } of rows) {
        const fits = chosen.has(row.dataset.level) && (!site.value || row.dataset.site === site.value);
        row.hidden = !(fits && words.every((word) => text.includes(word)));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = `${shown} of ${rows.length} shown`;
    }
    [...levels, site].forEach((control) => control.addEventListener("change", apply));
    search.addEventListener("input", apply);
    apply();
  }

  function valueOf(cell) {
    const text = cell.textContent.replaceAll(",", "");
    if (!cell.classList.contains("number")) return text.toLowerCase();
    return text === "none" ? Infinity : text === "" ? NaN : Number(text);
  }

  function sortBy(table, head) {
    const body = table.tBodies[0];
    const column = head.cellIndex;
    const number = head.classList.contains("number");
    const before = head.getAttribute("aria-sort");
    const falling = before ? before === "ascending" : number;
    const known = (value) => !Number.isNaN(value); // what is not known stays last, either way
    const rows = [...body.rows].map((row) => ({ row, value: valueOf(row.cells[column]) }));
    rows.sort((one, other) => {
      if (!known(one.value) || !known(other.value)) return known(other.value) - known(one.value);
      const order = one.value < other.value ? -1 : one.value > other.value ? 1 : 0;
      return falling ? -order : order;
    });
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    body.append(...rows.map(({ row }) => row));
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const head of table.tHead.rows[0].cells) {
      head.tabIndex = 0;
      head.addEventListener("click", () => sortBy(table, head));
      head.addEventListener("keydown", (event) => {
        if (event.key === "Enter") sortBy(table, head);
      });
    }
  }

  filterEvents();
  Promise.all(figures.map(draw)).then(() => {
    document.body.dataset.drawn = "yes";
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
    matchMedia("print").addEventListener("change", dress);
  });
})();
