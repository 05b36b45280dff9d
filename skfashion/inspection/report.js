"use strict";
(() => {
  const tip = document.getElementById("tip");
  const marks = (number) => document.querySelectorAll(`[data-candidate="${number}"]`);

  // Thin lines are hard to point at: an unseen wide one lies on each.
  document.querySelectorAll("svg g[data-candidate] > path").forEach((path) => {
    const wide = path.cloneNode();
    wide.removeAttribute("clip-path");
    wide.setAttribute("style", "");
    wide.setAttribute("class", "hit");
    path.after(wide);
  });

  // One candidate is lit everywhere at once: in all charts and in the table.
  let lit = null;
  const only = (number) => {
    if (lit === number) return;
    if (lit !== null) marks(lit).forEach((mark) => mark.classList.remove("lit"));
    lit = number;
    if (lit !== null) marks(lit).forEach((mark) => mark.classList.add("lit"));
    document.body.classList.toggle("pointing", lit !== null);
  };

  // What a candidate is, is told by its row of the table.
  const show = (number, x, y) => {
    const row = document.querySelector(`tr[data-candidate="${number}"]`);
    if (!row) return;
    tip.replaceChildren(...[...row.cells].map((cell) => {
      const line = document.createElement("div");
      const name = document.createElement("span");
      name.textContent = cell.dataset.label;
      line.append(name, " ", cell.textContent);
      return line;
    }));
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 8))}px`;
    tip.style.top = `${Math.max(4, y + 14 + height > innerHeight ? y - height - 14 : y + 14)}px`;
  };

  document.addEventListener("pointerover", (event) => {
    const mark = event.target.closest && event.target.closest("[data-candidate]");
    only(mark ? mark.dataset.candidate : null);
    tip.hidden = true;
    if (mark && mark.closest("svg")) show(lit, event.clientX, event.clientY);
  });

  document.querySelectorAll("table.sortable th button").forEach((button) => {
    button.addEventListener("click", () => {
      const head = button.parentNode;
      const up = head.getAttribute("aria-sort") !== "ascending";
      head.parentNode.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = head.closest("table").tBodies[0];
      const value = (row) => row.cells[head.cellIndex].dataset.value ?? "";
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

  document.querySelectorAll("pre.code").forEach((block) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    const text = block.textContent;
    button.addEventListener("click", () => {
      navigator.clipboard.writeText(text).then(() => { button.textContent = "Copied"; });
    });
    if (navigator.clipboard) block.prepend(button);
  });
})();
