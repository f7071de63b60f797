// The big stop button: asks, then has the provider end the machine.

import "./agreeing.js";
import { post, toast } from "./wire.js";

const $ = (id) => document.getElementById(id);
const dialog = $("ending");
let machine = "", anyway = false;

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-end]");
  if (!button) return;
  machine = button.dataset.end;
  anyway = false;
  $("ending-go").textContent = "End it now";
  $("ending-name").textContent = machine;
  $("ending-cost").textContent = button.dataset.cost;
  $("ending-problem").hidden = true;
  dialog.showModal();
  $("ending-back").focus();
});
dialog?.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("ending-go").disabled = true;
  try {
    await post("/money/end", { machine, anyway });
    dialog.close();
    document.body.dispatchEvent(new CustomEvent("studio"));
  } catch (problem) {
    $("ending-problem").textContent = [problem.message || "The page's server does not answer.", problem.hint].filter(Boolean).join(" ");
    $("ending-problem").hidden = false;
    // A training on it is not home yet: whoever has read that may end it all the same.
    if (problem.code === "results_there") {
      anyway = true;
      $("ending-go").textContent = "End it with what is on it";
    }
  }
  $("ending-go").disabled = false;
});
