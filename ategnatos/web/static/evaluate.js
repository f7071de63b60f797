// Votes by key, which is which at the end, and the winner: read, agreed to, registered.

import { agreed } from "./agreeing.js";
import { post, toast, typed } from "./wire.js";

const $ = (id) => document.getElementById(id);
const home = $("evaluation"), where = home.dataset.where;
const problemOf = (problem) => [problem.message || "The page's server does not answer.", problem.hint].filter(Boolean).join(" ");

// --- votes: one for each pair, whatever is held down

const KEYS = { ArrowLeft: "left", 1: "left", l: "left", ArrowRight: "right", 2: "right", r: "right", t: "tie", 0: "tie", ArrowDown: "tie" };
let voted = "";
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (document.querySelector("dialog[open]") || typed(event)) return;
  const choice = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  const button = choice && document.querySelector(`.votes [value=${choice}]`);
  if (!button || !loaded()) return;
  event.preventDefault();
  button.click();
});
// Nobody votes on what is not on the screen, or twice on one pair.
const loaded = () => [...document.querySelectorAll(".voting .shots img")].every((one) => one.complete && one.naturalWidth);
document.addEventListener("click", (event) => {
  const button = event.target.closest(".votes button");
  if (!button) return;
  const pair = document.querySelector(".voting").dataset.pair;
  if (pair === voted || !loaded()) return event.preventDefault(), event.stopPropagation();
  voted = pair;
}, true);
document.body.addEventListener("htmx:afterSwap", () => (voted = ""));
document.body.addEventListener("htmx:sendError", () => ((voted = ""), toast("The page's server does not answer; the vote was not taken.")));

// --- which is which

const dialog = $("revealing");
document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-reveal]")) {
    $("revealing-problem").hidden = true;
    dialog.showModal();
  }
  const button = event.target.closest("[data-choose]");
  if (!button) return;
  try {
    const done = await agreed(`${where}/decide`, { winner: button.dataset.choose });
    if (done) location.reload();
  } catch (problem) {
    toast(problemOf(problem), true);
  }
});
dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await post(`${where}/reveal`);
    location.href = where;
  } catch (problem) {
    $("revealing-problem").textContent = problemOf(problem);
    $("revealing-problem").hidden = false;
  }
});

// --- the winner, put to use

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-register]");
  if (!form) return;
  event.preventDefault();
  const said = form.querySelector(".said"), button = form.querySelector("button");
  button.disabled = true;
  try {
    const done = await post(form.dataset.register, Object.fromEntries(new FormData(form)));
    said.className = "said told";
    said.textContent = done.said;
    setTimeout(() => location.reload(), 1500);
  } catch (problem) {
    said.className = "said problem";
    said.textContent = problemOf(problem);
    button.disabled = false;
  }
});
