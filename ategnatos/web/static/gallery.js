// Every picture of the studio, as many as there are; only what is on the screen is here.

import { Grid } from "./grid.js";
import { get, toast } from "./wire.js";

const $ = (id) => document.getElementById(id);
const form = $("facets");
const PAGE = 200;

class Pictures {
  constructor(query) {
    this.query = query;
    this.count = 0;
    this.pages = new Map(); // number -> items, or null while they are on their way
  }

  at(index) {
    return this.pages.get(Math.floor(index / PAGE))?.[index % PAGE] || null;
  }

  want(first, last) {
    for (let page = Math.floor(first / PAGE); page * PAGE < Math.max(last, 1); page++) if (!this.pages.has(page)) this.fetch(page);
  }

  async fetch(page) {
    this.pages.set(page, null);
    try {
      const found = await get(`/api/v1/pictures?${this.query}&offset=${page * PAGE}&limit=${PAGE}`);
      this.pages.set(page, found.pictures);
      const before = this.count;
      this.count = found.total;
      this.unmeasured = found.unmeasured;
      this.changed(before !== this.count);
    } catch (problem) {
      this.pages.delete(page);
      toast(problem.message || "The page's server does not answer.");
    }
  }
}

let source, grid;
const picked = new Map();
const query = () => new URLSearchParams([...new FormData(form)].filter(([, value]) => value)).toString();

function find() {
  source = new Pictures(query());
  source.changed = (other) => {
    const left = source.unmeasured ? `, ${source.unmeasured.toLocaleString("en")} not measured yet` : "";
    $("count").textContent = `${source.count.toLocaleString("en")} ${source.count === 1 ? "picture" : "pictures"}${left}`;
    $("empty").hidden = source.count > 0;
    $("grid").hidden = !source.count;
    other ? grid.refresh() : grid.plan();
    if (other) grid.cells.forEach((_, index) => grid.again(index));
  };
  $("grid").hidden = false;
  grid.source = source;
  grid.cells.forEach((cell) => grid.drop(cell));
  grid.cells.clear();
  $("grid").scrollTop = 0;
  source.want(0, 1);
  history.replaceState(null, "", source.query ? `?${source.query}` : location.pathname);
}

function pick(index, event) {
  const item = source.at(index);
  if (!item || !(picked.size || event.altKey || event.detail === 0 && event.shiftKey)) return false;
  toggle(index);
  return true;
}

function toggle(index) {
  const item = source.at(index);
  if (!item) return;
  picked.has(item.name) ? picked.delete(item.name) : picked.set(item.name, item);
  paint();
}

function paint() {
  grid.cells.forEach((cell) => cell.classList.toggle("picked", Boolean(cell.item && picked.has(cell.item.name))));
  $("picking").hidden = !picked.size;
  $("picked").textContent = picked.size;
  const names = [...picked.keys()].map((name) => `name=${encodeURIComponent(name)}`).join("&");
  $("compare").hidden = picked.size < 2 || picked.size > 4;
  $("compare").href = `/compare?${names}`;
  $("sheet").href = `/sheet?${names}`;
  $("judge").hidden = ![...picked.values()].every((one) => !one.verdict);
  $("judge").href = `/review?${names}`;
}

grid = new Grid($("grid"), new Pictures(""), {
  caption: (one) => one.prompt,
  mark: (one) => one.verdict || "",
  link: (one) => `/job/${one.name.replace("#", "?picture=")}`,
  open: pick,
});
const cellOf = grid.cell.bind(grid);
grid.cell = (index) => {
  cellOf(index);
  const cell = grid.cells.get(index);
  cell.classList.toggle("picked", Boolean(cell.item && picked.has(cell.item.name)));
};
// A long press or the space bar chooses; so does Alt and a click.
let pressed;
$("grid").addEventListener("pointerdown", (event) => {
  const cell = event.target.closest(".cell");
  if (cell && event.pointerType === "touch") pressed = setTimeout(() => toggle(cell.index), 500);
});
for (const end of ["pointerup", "pointercancel", "pointermove"]) $("grid").addEventListener(end, () => clearTimeout(pressed));
$("grid").addEventListener("keydown", (event) => {
  const cell = event.target.closest(".cell");
  if (cell && event.key === " ") {
    event.preventDefault();
    toggle(cell.index);
  }
});
$("none").addEventListener("click", () => (picked.clear(), paint()));

let typing;
form.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(find, 150);
});
form.addEventListener("submit", (event) => (event.preventDefault(), find()));
document.addEventListener("studio:changed", (event) => {
  // What is new stands at the top: whoever scrolled down is not moved.
  if (["art.delivered", "art.verdict", "polled"].includes(event.detail.kind) && $("grid").scrollTop < 50) find();
});
find();
