// A grid of any number of pictures: only what is on the screen is in the document.

import { small } from "./wire.js";

const FLUNG = 8; // pixels in a millisecond

export class Grid {
  // source: { count, at(index) -> item or null, want(first, last) }
  constructor(place, source, { size = 208, caption = () => "", mark = () => "", open, link = null }) {
    Object.assign(this, { place, source, size, caption, mark, open, link });
    this.cells = new Map();
    this.pool = [];
    this.inner = document.createElement("div");
    this.inner.className = "inner";
    place.replaceChildren(this.inner);
    place.addEventListener("scroll", () => (this.feel(), this.plan()), { passive: true });
    new ResizeObserver(() => this.measure()).observe(place);
    this.planned = this.flung = false;
    this.top = this.felt = 0;
  }

  // Flung: what flies past is not decoded, and what stays is as soon as it slows down.
  feel() {
    const now = performance.now(), speed = Math.abs(this.place.scrollTop - this.top) / Math.max(1, now - this.felt);
    Object.assign(this, { top: this.place.scrollTop, felt: now });
    if (speed < FLUNG) return;
    this.flung = true;
    clearTimeout(this.slowing);
    this.slowing = setTimeout(() => {
      this.flung = false;
      this.cells.forEach((cell) => this.load(cell));
    }, 90);
  }

  load(cell) {
    if (cell.item?.sha256 && !this.flung && cell.loaded !== cell.item) {
      cell.loaded = cell.item;
      cell.picture.src = small(cell.item);
    }
  }

  measure() {
    const width = this.place.clientWidth - 24;
    this.columns = Math.max(2, Math.floor(width / this.size));
    this.side = Math.floor(width / this.columns);
    this.tall = this.side + 26;
    this.cells.forEach((cell) => this.drop(cell));
    this.cells.clear();
    this.refresh();
  }

  refresh() {
    const rows = Math.ceil(this.source.count / (this.columns || 1));
    this.inner.style.height = `${rows * (this.tall || 0) + 24}px`;
    this.plan();
  }

  plan() {
    if (this.planned) return;
    this.planned = true;
    requestAnimationFrame(() => {
      this.planned = false;
      this.draw();
    });
  }

  draw() {
    if (!this.columns || !this.place.clientHeight) return;
    const above = Math.max(0, Math.floor((this.place.scrollTop - 12) / this.tall) - 2);
    const below = Math.ceil((this.place.scrollTop + this.place.clientHeight) / this.tall) + 2;
    const first = above * this.columns;
    const last = Math.min(this.source.count, below * this.columns);
    for (const [index, cell] of this.cells)
      if (index < first || index >= last) {
        this.drop(cell);
        this.cells.delete(index);
      }
    this.source.want(first, last);
    for (let index = first; index < last; index++) this.cell(index);
  }

  drop(cell) {
    cell.remove();
    cell.picture.removeAttribute("src");
    cell.item = cell.loaded = null;
    if (this.pool.length < 80) this.pool.push(cell);
  }

  make() {
    const cell = this.pool.pop() || document.createElement(this.link ? "a" : "button");
    if (!cell.picture) {
      cell.className = "cell";
      if (!this.link) cell.type = "button";
      cell.picture = new Image();
      cell.picture.alt = "";
      cell.picture.decoding = "async";
      cell.picture.draggable = false;
      cell.words = document.createElement("span");
      cell.append(cell.picture, cell.words);
      if (this.open)
        cell.addEventListener("click", (event) => {
          if (this.link && (event.metaKey || event.ctrlKey || event.shiftKey || !this.open(cell.index, event))) return;
          if (!this.link) this.open(cell.index, event);
          event.preventDefault();
        });
    }
    return cell;
  }

  cell(index) {
    let cell = this.cells.get(index);
    const item = this.source.at(index);
    if (!cell) {
      cell = this.make();
      cell.index = index;
      const row = Math.floor(index / this.columns);
      cell.style.width = `${this.side - 12}px`;
      cell.style.height = `${this.tall - 12}px`;
      cell.style.transform = `translate(${12 + (index % this.columns) * this.side}px, ${12 + row * this.tall}px)`;
      this.inner.append(cell);
      this.cells.set(index, cell);
    }
    if (item && cell.item !== item) {
      cell.item = item;
      this.load(cell);
      if (this.link) cell.href = this.link(item);
      cell.setAttribute("aria-label", `${item.name}, ${this.caption(item)}`);
    }
    if (item) {
      cell.words.textContent = this.caption(item);
      cell.dataset.mark = this.mark(item);
    } else {
      cell.words.textContent = "";
      cell.dataset.mark = "";
    }
  }

  // Draw what changed of one picture.
  again(index) {
    if (this.cells.has(index)) this.cell(index);
  }

  reveal(index) {
    const top = Math.floor(index / (this.columns || 1)) * this.tall;
    const { scrollTop, clientHeight } = this.place;
    if (top < scrollTop || top + this.tall > scrollTop + clientHeight) this.place.scrollTop = top - clientHeight / 2 + this.tall;
  }
}
