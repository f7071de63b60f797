// A stage on a page: one picture or several, to look at and not to judge.

import { Stage } from "./stage.js";
import { typed } from "./wire.js";

const $ = (id) => document.getElementById(id);
const GROUNDS = ["dark", "light", "checker"];
const stage = new Stage($("stage"), (text) => ($("zoom").textContent = text));
const ground = () => {
  const next = GROUNDS[(GROUNDS.indexOf($("stage").dataset.ground) + 1) % GROUNDS.length];
  $("stage").dataset.ground = next;
  $("ground").textContent = next[0].toUpperCase() + next.slice(1);
};
stage.show(JSON.parse($("pictures").textContent), -1);
$("zoom-by").addEventListener("click", () => stage.toggle());
$("ground-by").addEventListener("click", ground);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typed(event)) return;
  const key = event.key.toLowerCase();
  if (key === "z") stage.toggle();
  else if (key === "b") ground();
  else if (key === "+" || key === "=") stage.step(1);
  else if (key === "-") stage.step(-1);
  else return;
  event.preventDefault();
});
