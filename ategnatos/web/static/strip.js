// The row of small pictures: only those near the present one are in the document.

import { small } from "./wire.js";

const STEP = 76;

export class Strip {
  // source: { count, names, at(index) -> item or null, want(first, last) }
  constructor(place, source, mark, open) {
    Object.assign(this, { place, source, mark, open });
    this.cells = new Map();
    this.inner = document.createElement("div");
    this.inner.className = "inner";
    this.inner.style.width = `${source.count * STEP}px`;
    place.replaceChildren(this.inner);
    place.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(place);
  }

  draw() {
    const first = Math.max(0, Math.floor(this.place.scrollLeft / STEP) - 4);
    const last = Math.min(this.source.count, Math.ceil((this.place.scrollLeft + this.place.clientWidth) / STEP) + 4);
    for (const [index, cell] of this.cells)
      if (index < first || index >= last) {
        cell.remove();
        this.cells.delete(index);
      }
    this.source.want(first, last);
    for (let index = first; index < last; index++)
      if (!this.cells.has(index)) {
        const cell = document.createElement("div");
        cell.className = "cell";
        cell.setAttribute("role", "option");
        cell.setAttribute("aria-label", this.source.names[index]);
        cell.style.transform = `translateX(${index * STEP}px)`;
        cell.picture = new Image();
        cell.picture.alt = "";
        cell.append(cell.picture);
        cell.addEventListener("click", () => this.open(index));
        this.inner.append(cell);
        this.cells.set(index, cell);
        this.paint(index);
      }
  }

  paint(index) {
    const cell = this.cells.get(index);
    if (!cell) return;
    const item = this.source.at(index);
    if (item?.sha256 && !cell.picture.src) cell.picture.src = small(item);
    cell.dataset.mark = this.mark({ name: this.source.names[index] });
    cell.setAttribute("aria-selected", index === this.now ? "true" : "false");
  }

  // What is known of these has come.
  known(first, last) {
    for (const index of this.cells.keys()) if (index >= first && index < last) this.paint(index);
  }

  go(index) {
    const before = this.now;
    this.now = index;
    const middle = index * STEP - (this.place.clientWidth - STEP) / 2;
    if (Math.abs(this.place.scrollLeft - middle) > STEP / 2) this.place.scrollLeft = middle;
    this.draw();
    this.paint(before);
    this.paint(index);
  }
}
