// The line of pictures that wait: every name at once, what a person should know of each as it comes near.

import { get } from "./wire.js";

const PAGE = 50;

export class Line {
  // changed(first, last) is called when those are known
  constructor(names, changed) {
    Object.assign(this, { names, changed });
    this.places = new Map(names.map((name, place) => [name, place]));
    this.items = new Map();
    this.jobs = {};
    this.pages = new Map(); // number -> Promise
  }

  get count() {
    return this.names.length;
  }

  // What is known of a picture, or null while it is on its way.
  at(index) {
    return this.items.get(index) || null;
  }

  index(name) {
    return this.places.get(name) ?? -1;
  }

  want(first, last) {
    for (let page = Math.floor(Math.max(0, first) / PAGE); page * PAGE < Math.min(last, this.count); page++) this.page(page).catch(() => {});
  }

  // Resolves with the picture as soon as it is known.
  async need(index) {
    if (!this.items.has(index)) await this.page(Math.floor(index / PAGE));
    return this.items.get(index);
  }

  page(number) {
    let found = this.pages.get(number);
    if (!found) {
      found = this.fetch(number);
      found.catch(() => this.pages.delete(number));
      this.pages.set(number, found);
    }
    return found;
  }

  async fetch(number) {
    const first = number * PAGE, names = this.names.slice(first, first + PAGE);
    const told = await get(`/review/pictures?${names.map((name) => `name=${encodeURIComponent(name)}`).join("&")}`);
    Object.assign(this.jobs, told.jobs);
    const known = new Map(told.pictures.map((one) => [one.name, one]));
    // What was decided elsewhere or is gone stays in its place and can be judged no more.
    names.forEach((name, place) => this.items.set(first + place, known.get(name) || { name, gone: true, sha256: "", width: 0, height: 0, seed: "" }));
    this.changed(first, first + names.length);
  }
}
