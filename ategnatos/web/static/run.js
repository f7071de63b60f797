// One run: values under the pointer, samples over steps, stop and go on.

import { post, toast } from "./wire.js";

const $ = (id) => document.getElementById(id);
const run = $("run").dataset.run;

// --- the curve: what stands at a step

let cursor = null;

function read(share) {
  const told = $("points");
  if (!told) return;
  const points = JSON.parse(told.textContent), { steps } = points;
  const wanted = points.left + share * (points.right - points.left);
  let place = steps.findIndex((step) => step >= wanted);
  if (place < 0) place = steps.length - 1;
  cursor = place;
  const x = ((steps[place] - points.left) / (points.right - points.left || 1)) * 1000;
  $("cursor").setAttribute("d", `M${x.toFixed(1)} 0V300`);
  const say = (value) => (value === null || value === undefined ? "no number" : Math.abs(value) < 0.001 && value ? value.toExponential(2) : value.toPrecision(4));
  const checked = points.validation.filter(([step]) => step <= steps[place]).pop();
  $("reading").textContent =
    `step ${steps[place].toLocaleString("en")}: loss ${say(points.loss[place])}, smoothed ${say(points.smoothed[place])}` +
    (points.rate[place] === null ? "" : `, learning rate ${say(points.rate[place])}`) +
    (checked ? `, validation ${say(checked[1])} at ${checked[0].toLocaleString("en")}` : "");
}

document.addEventListener("pointermove", (event) => {
  const svg = event.target.closest?.("#chart .plot:not(.low) svg");
  if (!svg) return;
  const box = svg.getBoundingClientRect();
  read((event.clientX - box.left) / box.width);
});

// --- samples: one step of them at a time

function shown() {
  const told = $("sample-steps");
  if (!told) return;
  const steps = JSON.parse(told.textContent), place = Number($("at")?.value ?? steps.length - 1);
  const [step, paths] = steps[place];
  $("at-step").textContent = `step ${step.toLocaleString("en")}`;
  $("at")?.setAttribute("aria-valuetext", `step ${step}`);
  const where = (path) => `/runs/${encodeURIComponent(run)}/sample/${path.split("/").map(encodeURIComponent).join("/")}`;
  const pictures = [...$("shown-samples").querySelectorAll("img")];
  while (pictures.length < paths.length) {
    const cell = document.createElement("div"), picture = new Image();
    cell.className = "thumb";
    cell.append(picture);
    $("shown-samples").append(cell);
    pictures.push(picture);
  }
  pictures.forEach((picture, number) => {
    picture.parentElement.hidden = number >= paths.length;
    if (number < paths.length && picture.getAttribute("src") !== where(paths[number])) picture.src = where(paths[number]);
    picture.alt = `sample ${number + 1} at step ${step}`;
  });
  // The neighbours are fetched, so that the slider does not flicker.
  for (const near of [place - 1, place + 1]) for (const path of steps[near]?.[1] || []) new Image().src = where(path);
}

async function more() {
  const head = document.querySelector(".run-head"), slider = $("slider");
  if (!head || Number(head.dataset.samples) === Number(slider?.dataset.count || 0)) return;
  const before = $("at"), newest = !before || before.value === before.max, value = before?.value;
  const answer = await fetch(`/runs/${encodeURIComponent(run)}?samples`, { cache: "no-store" });
  if (!answer.ok) return;
  $("samples").innerHTML = await answer.text();
  if (!newest && $("at")) $("at").value = value;
  shown();
}

document.addEventListener("input", (event) => event.target.id === "at" && shown());
document.body.addEventListener("htmx:afterSwap", () => {
  more();
  const points = $("points");
  if (cursor !== null && points) {
    const { steps, left, right } = JSON.parse(points.textContent);
    read(((steps[Math.min(cursor, steps.length - 1)] ?? 0) - left) / (right - left || 1));
  }
});
shown();

// --- stop and go on

const dialog = $("stopping");
async function steer(act) {
  const done = await post(`/runs/${encodeURIComponent(run)}/${act}`);
  toast(done.said);
  document.body.dispatchEvent(new CustomEvent("run"));
}
document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-stop]")) {
    $("stopping-problem").hidden = true;
    dialog.showModal();
    $("stopping-back").focus();
  }
  if (event.target.closest("[data-close]")) dialog.close();
  const button = event.target.closest("[data-resume]");
  if (!button) return;
  button.disabled = true;
  try {
    await steer("resume");
  } catch (problem) {
    toast([problem.message || "The page's server does not answer.", problem.hint].filter(Boolean).join(" "), true);
  }
  button.disabled = false;
});
dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("stopping-go").disabled = true;
  try {
    await steer("stop");
    dialog.close();
  } catch (problem) {
    $("stopping-problem").textContent = [problem.message || "The page's server does not answer.", problem.hint].filter(Boolean).join(" ");
    $("stopping-problem").hidden = false;
  }
  $("stopping-go").disabled = false;
});
