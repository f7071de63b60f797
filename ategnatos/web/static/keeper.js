// Choices on their way to the disk, one after the other; a lost connection is tried again.

import { post, Refusal } from "./wire.js";

export class Keeper {
  constructor(failed) {
    this.failed = failed;
    this.waiting = [];
    this.busy = false;
    this.idle = [];
  }

  keep(choice, undo = () => {}) {
    this.waiting.push({ choice, undo });
    document.body.dataset.keeping = this.waiting.length;
    if (!this.busy) this.work();
  }

  // Resolves when every choice is on disk.
  done() {
    return this.busy ? new Promise((ready) => this.idle.push(ready)) : Promise.resolve();
  }

  async work() {
    this.busy = true;
    while (this.waiting.length) {
      const { choice, undo } = this.waiting[0];
      try {
        await post("/review/choose", choice);
      } catch (problem) {
        if (!(problem instanceof Refusal)) {
          this.failed({ message: "The page's server does not answer; your last choices are not kept yet.", hint: "They are tried again." });
          await new Promise((ready) => setTimeout(ready, 1000));
          continue;
        }
        undo();
        this.failed(problem);
      }
      this.waiting.shift();
      document.body.dataset.keeping = this.waiting.length;
    }
    this.busy = false;
    this.idle.splice(0).forEach((ready) => ready());
  }
}
