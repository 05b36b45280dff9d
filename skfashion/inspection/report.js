"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const drawn = [];
  const rows = new Map();
  document.querySelectorAll("tr[data-candidate]").forEach((row) => rows.set(+row.dataset.candidate, row));

  const INK = "#33373D";
  const AXIS = { title: { font: { size: 12 } }, fixedrange: true, gridcolor: "#e6e8ea", zeroline: false,
    automargin: true, tickfont: { size: 12 }, nticks: 6 };
  const LOOK = {
    data: { scatter: [{ hoverinfo: "text" }] },
    layout: {
      font: { family: "system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif", size: 12, color: INK },
      showlegend: false, hovermode: "closest", margin: { l: 48, r: 12, t: 12, b: 44 },
      hoverlabel: { align: "left", bgcolor: "#fff", font: { size: 12, color: INK } },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", xaxis: AXIS, yaxis: AXIS,
      annotationdefaults: { showarrow: false, borderpad: 1, xanchor: "left", yanchor: "middle" },
      shapedefaults: { line: { color: INK, width: 1 } },
    },
  };

  // One candidate is lit everywhere at once: in all charts and in the table.
  const light = (candidate, on) => {
    const row = rows.get(candidate);
    if (row) row.classList.toggle("lit", on);
    for (const { node, traces } of drawn) {
      traces.forEach((trace, i) => {
        if (!trace.meta || trace.meta.candidate !== candidate) return;
        if (trace.mode === "lines") {
          Plotly.restyle(node, {
            "line.width": on ? 4 : trace.line.width,
            "line.color": on && !trace.meta.best ? "#0072B2" : trace.line.color,
            opacity: on ? 1 : trace.opacity,
          }, [i]);
        } else {
          Plotly.restyle(node, { "marker.size": on ? 17 : trace.marker.size }, [i]);
        }
      });
    }
  };

  let lit = null;
  const only = (candidate) => {
    if (lit === candidate) return;
    if (lit !== null) light(lit, false);
    lit = candidate;
    if (lit !== null) light(lit, true);
  };

  for (const [id, chart] of Object.entries(charts)) {
    const node = document.getElementById(id);
    // Plotly changes what it is given.
    const traces = JSON.parse(JSON.stringify(chart.data));
    Plotly.newPlot(node, chart.data, { template: LOOK, ...chart.layout }, { responsive: true, displayModeBar: false });
    drawn.push({ node, traces });
    node.on("plotly_hover", (event) => {
      const meta = traces[event.points[0].curveNumber].meta;
      only(meta ? meta.candidate : null);
    });
    node.on("plotly_unhover", () => only(null));
  }
  rows.forEach((row, candidate) => {
    row.addEventListener("mouseenter", () => only(candidate));
    row.addEventListener("mouseleave", () => only(null));
  });

  // Paper is narrower than most windows, and a drawn chart doesn't know: what is too wide shrinks.
  const PAPER = 680; // pixels of 1/96 inch: A4 and Letter upright, within their margins
  addEventListener("beforeprint", () => {
    for (const { node } of drawn) {
      const width = Math.max(PAPER, parseInt(node.style.minWidth, 10) || 0);
      Plotly.relayout(node, { width, height: node.offsetHeight });
      node.style.zoom = PAPER / width;
    }
  });
  addEventListener("afterprint", () => {
    for (const { node } of drawn) {
      node.style.zoom = "";
      Plotly.relayout(node, { width: null, height: null, autosize: true });
    }
  });

  document.querySelectorAll("table.sortable th").forEach((head) => {
    head.querySelector("button").addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      head.parentNode.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = head.closest("table").tBodies[0];
      const value = (row) => row.cells[head.cellIndex].dataset.value;
      const compare = (a, b) => {
        const [x, y] = [value(a), value(b)];
        // What has no value stands last, either way.
        if (x === "" || y === "") return (x === "") - (y === "");
        const [m, n] = [Number(x), Number(y)];
        const order = Number.isNaN(m) || Number.isNaN(n)
          ? x.localeCompare(y, undefined, { numeric: true }) : m - n;
        return up ? order : -order;
      };
      body.append(...[...body.rows].sort(compare));
    });
  });
})();
