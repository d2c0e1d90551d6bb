// Follows one column through the lineage picture: by mouse, by keyboard, by a link to its id.
"use strict";
(() => {
  const graph = document.getElementById("graph");
  if (!graph) return;
  const told = document.getElementById("chosen");
  const columns = [...graph.querySelectorAll(".column")];
  const items = [...graph.querySelectorAll(".title, .column")];
  const edges = [...graph.querySelectorAll("path")];
  const values = edges.filter((edge) => edge.classList.contains("values"));
  const rows = edges.filter((edge) => edge.classList.contains("rows"));
  const byId = new Map(items.map((item) => [item.id, item]));
  const name = (id) => byId.get(id).dataset.name;

  // All columns that can be reached from one, and the lines on the way.
  function reach(start, near, far) {
    const seen = new Set([start]);
    const path = [];
    for (const id of seen) {
      for (const edge of values) {
        if (edge.dataset[near] === id) {
          path.push(edge);
          seen.add(edge.dataset[far]);
        }
      }
    }
    seen.delete(start);
    return { ids: [...seen], path };
  }

  function clear() {
    graph.classList.remove("choosing");
    for (const element of [...items, ...edges]) {
      element.classList.remove("on", "chosen", "descends", "decides");
    }
  }

  function mark(ids, path, extra) {
    for (const element of [...ids.map((id) => byId.get(id)), ...path]) {
      element.classList.add("on", ...extra);
    }
  }

  function list(ids) {
    return ids.length ? ids.map(name).join(", ") : "nothing";
  }

  function choose(item) {
    clear();
    graph.classList.add("choosing");
    item.classList.add("on", "chosen");
    for (const other of items) other.setAttribute("tabindex", other === item ? "0" : "-1");
    const isTitle = item.classList.contains("title");
    const deciding = rows.filter((edge) => edge.dataset.to === (isTitle ? item.id : item.dataset.table));
    mark(deciding.map((edge) => edge.dataset.from), deciding, ["decides"]);
    const before = reach(item.id, "to", "from");
    const after = reach(item.id, "from", "to");
    mark(before.ids, before.path, []);
    mark(after.ids, after.path, ["descends"]);
    const decided = deciding.map((edge) => edge.dataset.from);
    const parts = [["b", item.dataset.name]];
    if (!isTitle) {
      parts.push(["", " is made of " + list(before.ids) + "; of it are made " + list(after.ids) + "."]);
    }
    if (decided.length) parts.push(["", " Its rows are decided by " + list(decided) + "."]);
    told.replaceChildren(...parts.map(([tag, text]) => {
      if (!tag) return document.createTextNode(text);
      const element = document.createElement(tag);
      element.textContent = text;
      return element;
    }));
  }

  function reset() {
    clear();
    told.textContent = "No column is chosen.";
  }

  // Into view inside the picture, not the whole page.
  function show(item) {
    const [outer, inner] = [graph.getBoundingClientRect(), item.getBoundingClientRect()];
    if (inner.left < outer.left || inner.right > outer.right) {
      graph.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
    }
    if (inner.top < outer.top || inner.bottom > outer.bottom) {
      graph.scrollTop += inner.top - outer.top - outer.height / 2;
    }
  }

  function go(item) {
    if (!item) return;
    choose(item);
    item.focus({ preventScroll: true });
    show(item);
  }

  // Sideways along a line, where there is one; else to the nearest column of the next layer.
  function sideways(item, step) {
    const [near, far] = step < 0 ? ["to", "from"] : ["from", "to"];
    const edge = values.find((edge) => edge.dataset[near] === item.id);
    if (edge) return byId.get(edge.dataset[far]);
    const here = item.getBoundingClientRect();
    const isBeyond = (other) => {
      const there = other.getBoundingClientRect();
      return step < 0 ? there.right < here.left : there.left > here.right;
    };
    const distance = (other) => {
      const there = other.getBoundingClientRect();
      return Math.abs(there.left - here.left) * 3 + Math.abs(there.top - here.top);
    };
    return columns.filter(isBeyond).sort((a, b) => distance(a) - distance(b))[0];
  }

  const moves = {
    ArrowDown: (item) => items[items.indexOf(item) + 1],
    ArrowUp: (item) => items[items.indexOf(item) - 1],
    ArrowLeft: (item) => sideways(item, -1),
    ArrowRight: (item) => sideways(item, 1),
    Home: () => items[0],
    End: () => items[items.length - 1],
    Enter: (item) => item,
    " ": (item) => item,
  };

  graph.addEventListener("click", (event) => {
    const item = event.target.closest(".title, .column");
    if (item && !item.classList.contains("chosen")) go(item); else reset();
  });
  graph.addEventListener("keydown", (event) => {
    const item = event.target.closest(".title, .column");
    if (event.key === "Escape") reset();
    else if (item && moves[event.key]) {
      event.preventDefault();
      go(moves[event.key](item));
    }
  });
  function follow() {
    const item = byId.get(decodeURIComponent(location.hash.slice(1)));
    if (!item) return;
    graph.scrollIntoView({ block: "nearest" });
    go(item);
  }
  window.addEventListener("hashchange", follow);
  if (columns.length) columns[0].setAttribute("tabindex", "0");
  follow();
})();
