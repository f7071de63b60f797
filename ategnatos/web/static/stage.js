// One, two or four pictures with the same zoom and the same place.

import { whole } from "./wire.js";

const kept = new Map(); // address -> Promise<HTMLImageElement>, the last few
const MOST_KEPT = 20;

export function load(one) {
  const where = whole(one);
  let found = kept.get(where);
  if (!found) {
    const image = new Image();
    image.alt = "";
    image.draggable = false;
    image.src = where;
    found = there(image, where).then(() => image);
    found.catch(() => kept.delete(where));
  } else kept.delete(where);
  kept.set(where, found);
  while (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
  return found;
}

// Decoded; or arrived, where the browser leaves its decoding waiting. What does not arrive is asked
// for again.
function there(image, where) {
  const arrived = new Promise((well, badly) => {
    let again, pause = 4000; // milliseconds; twice as long each time: a slow line is no lost one
    const ask = () => image.complete || ((image.src = where), (again = setTimeout(ask, (pause *= 2))));
    again = setTimeout(ask, pause);
    image.onload = () => (clearTimeout(again), setTimeout(well, 500));
    image.onerror = () => (clearTimeout(again), badly(new Error("not a picture")));
  });
  const decoded = image.decode().catch((problem) => (image.complete ? Promise.reject(problem) : arrived));
  return Promise.race([decoded, arrived]);
}

// The server said that its file is not this picture any more: it is not shown again.
export function refuse(one) {
  const gone = Promise.reject(new Error("not the picture that was made"));
  gone.catch(() => {});
  kept.set(whole(one), gone);
}

export class Stage {
  constructor(place, told) {
    this.place = place;
    this.told = told; // called with the zoom in words
    this.panes = [];
    this.scale = null; // null fits; else screen pixels of the device for each of the picture
    this.x = this.y = 0; // of the middle, in picture pixels from its middle
    this.shown = 0;
    new ResizeObserver(() => this.lay()).observe(place);
    place.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.step(event.deltaY < 0 ? 1 : -1);
    }, { passive: false });
    this.drag();
  }

  async show(items, focus) {
    const turn = ++this.shown;
    const images = await Promise.allSettled(items.map(load));
    if (turn !== this.shown) return false;
    const panes = items.map((one, place) => {
      const pane = document.createElement("div");
      pane.className = "pane";
      const ready = images[place];
      if (ready.status === "fulfilled") {
        // An element stands in one place only; a copy of a decoded picture costs nothing.
        pane.image = ready.value.isConnected && items.length > 1 ? ready.value.cloneNode() : ready.value;
        pane.append(pane.image);
      } else {
        const gone = document.createElement("p");
        gone.className = "gone";
        gone.textContent = "This file is not the picture that was made, or is gone. It cannot be judged.";
        pane.append(gone);
      }
      if (items.length > 1) {
        const label = document.createElement("span");
        label.className = "label";
        label.textContent = `${place + 1}  ${one.name}`;
        pane.append(label);
      }
      pane.classList.toggle("focus", items.length > 1 && place === focus);
      return pane;
    });
    this.panes = panes;
    this.place.dataset.many = items.length;
    this.place.replaceChildren(...panes);
    this.lay();
    return images.map((one) => one.status === "fulfilled");
  }

  focus(place) {
    this.panes.forEach((pane, number) => pane.classList.toggle("focus", number === place));
  }

  // Fit, then pixel by pixel, then back.
  toggle() {
    this.scale = this.scale === null ? this.exact() : null;
    this.x = this.y = 0;
    this.lay();
  }

  // A whole number of the screen's own pixels for each of the picture's, as large as fits.
  exact() {
    const pane = this.panes[0];
    if (!pane?.image) return 1;
    const room = Math.min(pane.clientWidth / pane.image.naturalWidth, pane.clientHeight / pane.image.naturalHeight);
    return Math.max(1, Math.floor(room * devicePixelRatio));
  }

  step(by) {
    const now = this.scale ?? Math.max(1, Math.round((this.fit(this.panes[0]) || 1) * devicePixelRatio));
    const steps = [0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48];
    const next = by > 0 ? steps.find((one) => one > now) : steps.findLast((one) => one < now);
    if (next === undefined) return;
    this.scale = next;
    this.lay();
  }

  fit(pane) {
    if (!pane?.image) return 1;
    return Math.min(pane.clientWidth / pane.image.naturalWidth, pane.clientHeight / pane.image.naturalHeight);
  }

  lay() {
    for (const pane of this.panes) {
      if (!pane.image) continue;
      const scale = this.scale === null ? this.fit(pane) : this.scale / devicePixelRatio;
      const width = pane.image.naturalWidth * scale;
      const height = pane.image.naturalHeight * scale;
      const left = (pane.clientWidth - width) / 2 - this.x * scale;
      const top = (pane.clientHeight - height) / 2 - this.y * scale;
      const snap = (value) => Math.round(value * devicePixelRatio) / devicePixelRatio;
      pane.image.style.width = `${width}px`;
      pane.image.style.height = `${height}px`;
      pane.image.style.transform = `translate(${snap(left)}px, ${snap(top)}px)`;
      // Enlarged, a pixel is a square: whoever judges a sprite sees what is in the file.
      pane.image.classList.toggle("exact", scale * devicePixelRatio >= 1.5 && (this.scale !== null || pane.image.naturalWidth <= 256));
    }
    this.told(this.scale === null ? "Fit" : `${this.scale * 100} %`);
  }

  drag() {
    let from = null;
    this.place.addEventListener("pointerdown", (event) => {
      if (this.scale === null) return;
      from = { x: event.clientX, y: event.clientY };
      this.place.setPointerCapture(event.pointerId);
    });
    this.place.addEventListener("pointermove", (event) => {
      if (!from) return;
      const scale = this.scale / devicePixelRatio;
      this.x -= (event.clientX - from.x) / scale;
      this.y -= (event.clientY - from.y) / scale;
      from = { x: event.clientX, y: event.clientY };
      this.lay();
    });
    for (const end of ["pointerup", "pointercancel"]) this.place.addEventListener(end, () => (from = null));
  }
}
