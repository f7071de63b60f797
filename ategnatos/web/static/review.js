// Review by keyboard: look, choose, sign once.

import { Grid } from "./grid.js";
import { Line } from "./line.js";
import { load, refuse, Stage } from "./stage.js";
import { Strip } from "./strip.js";
import { get, mayDecide, post, toast, typed } from "./wire.js";
import { Keeper } from "./keeper.js";
import { signing } from "./signing.js";

const $ = (id) => document.getElementById(id);
const desk = $("desk");
const AHEAD = 8; // pictures that are fetched and decoded before somebody gets there
const GROUNDS = ["dark", "light", "checker"];
const DOES = {
  approved: "will be approved: these bytes may be exported, promoted and shipped, and the prompt goes into the library.",
  concept: "will be approved: a concept frees the paid step behind it, and no file.",
  rejected: "will be rejected: it stays in the record with your reason, and nothing is made from it.",
};

let ready = false; // whether what is meant is on the screen: nobody judges what they do not see
let data, line, index = 0, compared = 1, focus = 0, strip, grid, stage, keeper;
const choices = new Map();
const broken = new Set();

const names = desk.dataset.names.split(" ").filter(Boolean);
const query = names.map((one) => `name=${encodeURIComponent(one)}`).join("&");

async function begin() {
  data = await get(`/review/line?${query}`);
  line = new Line(data.names, (first, last) => {
    strip?.known(first, last);
    for (let place = first; place < last; place++) grid?.again(place);
  });
  if (!line.count) {
    desk.hidden = true;
    $("nothing").hidden = false;
    return;
  }
  $("nothing").hidden = true;
  desk.hidden = false;
  choices.clear();
  for (const one of data.choices) choices.set(one.name, one);
  keeper = new Keeper((problem) => said(problem));
  stage = stage || new Stage($("stage"), (text) => ($("zoom").textContent = text));
  strip = new Strip($("strip"), line, mark, (place) => go(place));
  const open = (place) => (showGrid(false), go(place));
  grid = null;
  showGrid.make = () => (grid = new Grid($("grid"), line, { caption: (one) => one.name, mark, open }));
  const first = line.names.findIndex((name) => !choices.has(name));
  await go(first < 0 ? line.count - 1 : first);
  if (choices.size) toast(`${choices.size} ${choices.size === 1 ? "choice" : "choices"} of yours stand from before.`);
}

const mark = (one) => choices.get(one.name)?.verdict || (broken.has(one.name) ? "broken" : "");
const meant = () => line.at(Math.min(index + focus, line.count - 1));

// The places that are on the stage.
function shown() {
  const first = Math.min(index, Math.max(0, line.count - compared));
  return Array.from({ length: Math.min(compared, line.count) }, (_, place) => first + place);
}

let turn = 0;

async function go(to, from = 0) {
  const mine = ++turn;
  index = Math.max(0, Math.min(line.count - 1, to));
  if (compared > 1) index = Math.min(index, Math.max(0, line.count - compared));
  focus = Math.max(0, Math.min(focus, compared - 1));
  ready = false;
  strip.go(index + focus);
  tell();
  let now;
  try {
    now = await Promise.all(shown().map((place) => line.need(place)));
  } catch (problem) {
    if (mine !== turn) return;
    if (problem.code) return toast(problem.message, true);
    toast("The page's server does not answer; it is asked again.", true);
    return void setTimeout(() => mine === turn && go(to), 1500);
  }
  if (mine !== turn) return;
  const sound = await stage.show(now, focus);
  if (!sound || mine !== turn) return;
  now.forEach((one, place) => (sound[place] ? broken.delete(one.name) : broken.add(one.name)));
  ready = true;
  tell();
  if (from) requestAnimationFrame(() => (desk.dataset.last = (performance.now() - from).toFixed(1)));
  // The next ones are decoded while this one is looked at.
  line.want(index, index + compared * 2 + 24);
  for (let ahead = compared; ahead < compared + AHEAD; ahead++) {
    const next = line.at(index + ahead);
    if (next) load(next).catch(() => {});
  }
}

function tell() {
  $("count").textContent = `${(index + focus + 1).toLocaleString("en")} of ${line.count.toLocaleString("en")}`;
  const signs = data.signer.signs;
  $("sign").textContent = choices.size ? `${signs ? "Sign" : "Record"} ${choices.size}` : signs ? "Sign" : "Record";
  desk.dataset.chosen = choices.size;
  const one = meant();
  desk.dataset.shown = one ? one.name : "";
  desk.dataset.ready = ready && one ? one.name : "";
  if (!one) return;
  const job = line.jobs[one.job] || { prompt: "" }, choice = choices.get(one.name);
  $("name").textContent = one.name;
  $("asked").textContent = job.prompt + (job.change ? `  (changed: ${job.change})` : "");
  $("note").hidden = !one.asked;
  $("note").textContent = one.asked ? `Asked: ${one.asked.note}` : "";
  $("hash").textContent = one.sha256 ? `sha256 ${one.sha256.slice(0, 16)}…` : "";
  $("hash").title = one.sha256;
  const badge = $("verdict");
  badge.hidden = !choice;
  badge.dataset.mark = badge.textContent = choice ? choice.verdict : "";
  const levers = job.recipe ? `${job.recipe.id} ${Object.entries(job.recipe.levers).map((pair) => pair.join("=")).join(" ")}` : "";
  let does = `${one.width} × ${one.height}, seed ${one.seed}${levers ? `, ${levers}` : ""}`;
  if (one.gone) does = "decided elsewhere, or gone: it waits no more.";
  else if (broken.has(one.name)) does = "changed on disk or gone: it cannot be judged.";
  else if (choice?.verdict === "rejected") does = `${DOES.rejected} (${choice.reason})`;
  else if (choice) does = DOES[one.concept ? "concept" : "approved"];
  $("does").textContent = does;
  $("stage").setAttribute("aria-label", `${one.name}: ${job.prompt}`);
  for (const button of desk.querySelectorAll("[data-do=approve],[data-do=reject],[data-do=undo],[data-do=sign]")) button.disabled = !mayDecide;
}

const GONE = new Set(["bytes_changed", "file_gone"]);

function said(problem) {
  withdraw([problem]);
  toast(problem.hint ? `${problem.message} ${problem.hint}` : problem.message, true);
}

// What the server found changed on disk is shown no more, though the browser may hold it still.
function withdraw(problems) {
  const names = problems.filter((one) => GONE.has(one.code)).map((one) => one.candidate);
  const found = names.map((name) => line.at(line.index(name))).filter(Boolean);
  found.forEach(refuse);
  if (found.length) go(index);
}

function choose(verdict, reason = null) {
  const from = performance.now(), one = meant();
  if (broken.has(one.name)) return toast("This file is not the picture that was made; it cannot be judged.");
  choices.delete(one.name);
  choices.set(one.name, { name: one.name, sha256: one.sha256, verdict, reason });
  keeper.keep({ ...choices.get(one.name), reason: reason || "" }, () => {
    choices.delete(one.name);
    painted(one);
  });
  const place = index + focus;
  painted(one);
  if (compared > 1) {
    focus = Math.min(focus + 1, compared - 1);
    stage.focus(focus);
    if (place === index + focus) go(index + compared, from), (focus = 0);
    else tell(), strip.go(index + focus);
  } else if (place + 1 < line.count) go(place + 1, from);
  else tell();
}

function painted(one) {
  const place = line.index(one.name);
  strip.paint(place);
  grid?.again(place);
  tell();
}

function undo() {
  const last = [...choices.keys()].pop();
  if (!last) return toast("There is no choice to take back.");
  const { sha256 } = choices.get(last);
  choices.delete(last);
  keeper.keep({ name: last, sha256, verdict: "", reason: "" });
  painted({ name: last });
  focus = 0;
  const place = line.index(last);
  if (place >= 0) go(place);
}

function why() {
  const one = meant();
  if (broken.has(one.name)) return toast("This file is not the picture that was made; it cannot be judged.");
  const dialog = $("why"), field = $("reason"), chips = [...dialog.querySelectorAll(".chip")];
  const picked = new Set();
  const paint = () => {
    chips.forEach((chip) => chip.setAttribute("aria-pressed", picked.has(chip.dataset.reason)));
    field.value = [...picked].join(", ");
  };
  field.value = "";
  paint();
  const toggle = (chip) => {
    picked.has(chip.dataset.reason) ? picked.delete(chip.dataset.reason) : picked.add(chip.dataset.reason);
    paint();
    field.focus();
  };
  chips.forEach((chip) => (chip.onclick = () => toggle(chip)));
  dialog.onkeydown = (event) => {
    const number = Number(event.key);
    if (number >= 1 && number <= 9 && chips[number - 1] && (document.activeElement !== field || !field.value || picked.size)) {
      event.preventDefault();
      toggle(chips[number - 1]);
    }
  };
  dialog.querySelector("form").onsubmit = (event) => {
    if (!field.value.trim()) {
      event.preventDefault();
      return field.focus();
    }
    choose("rejected", field.value.trim().replace(/\s+/g, " "));
  };
  dialog.showModal();
  field.focus();
}

function compare() {
  compared = compared === 1 ? 2 : compared === 2 ? 4 : 1;
  if (compared > line.count) compared = line.count > 1 && compared === 4 ? 1 : Math.min(2, line.count);
  focus = 0;
  desk.querySelector("[data-do=compare]").setAttribute("aria-pressed", compared > 1);
  go(index);
}

function ground() {
  const place = $("stage"), next = GROUNDS[(GROUNDS.indexOf(place.dataset.ground) + 1) % GROUNDS.length];
  place.dataset.ground = next;
  $("ground").textContent = next[0].toUpperCase() + next.slice(1);
}

function showGrid(wanted = $("grid").hidden) {
  $("grid").hidden = !wanted;
  $("stage").hidden = wanted;
  desk.querySelector("[data-do=grid]").setAttribute("aria-pressed", wanted);
  if (!wanted) return stage.lay();
  if (!grid) showGrid.make();
  grid.measure();
  grid.reveal(index);
}

async function sign() {
  if (!choices.size) return toast("Nothing is chosen yet.");
  await keeper.done();
  const worked = await signing([...choices.values()], data.signer);
  if (!worked) return;
  const how = worked.recorded.every((one) => one.signed) ? "signed" : "unsigned";
  const told = [`${worked.recorded.length} recorded (${how}).`, ...worked.failed.map((one) => one.message)];
  compared = 1;
  focus = 0;
  await begin();
  withdraw(worked.failed);
  toast(told.join(" "), worked.failed.length > 0);
  desk.dataset.recorded = Number(desk.dataset.recorded || 0) + worked.recorded.length;
}

const acts = {
  approve: () => choose("approved"),
  reject: why,
  undo, compare, ground, sign,
  zoom: () => stage.toggle(),
  grid: () => showGrid(),
};
const keys = { a: "approve", r: "reject", u: "undo", c: "compare", b: "ground", s: "sign", z: "zoom", g: "grid" };
const deciding = new Set(["approve", "reject", "undo", "sign"]);

function act(name, again = false) {
  if ((name === "approve" || name === "reject") && (again || !ready || meant()?.gone)) return;
  if (deciding.has(name) && !mayDecide) return toast("This session may look and not decide: start ‘ategnatos web’ in your own terminal.");
  acts[name]();
}

for (const button of desk.querySelectorAll("[data-do]")) button.addEventListener("click", () => act(button.dataset.do));
for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());

document.addEventListener("keydown", (event) => {
  if (desk.hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]") || typed(event)) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const move = (by) => (compared > 1 ? select(focus + by) : go(index + by));
  if (key === "ArrowRight") move(1);
  else if (key === "ArrowLeft") move(-1);
  else if (key === "Home") go(0);
  else if (key === "End") go(line.count - 1);
  else if (key === "+" || key === "=") stage.step(1);
  else if (key === "-") stage.step(-1);
  else if (key === "?") $("help").showModal();
  else if (key === "Escape") $("grid").hidden ? compared > 1 && ((compared = 4), compare()) : showGrid(false);
  else if (key >= "1" && key <= String(compared) && compared > 1) select(Number(key) - 1);
  else if (keys[key]) act(keys[key], event.repeat);
  else return;
  event.preventDefault();
});

function select(place) {
  if (place < 0 || place >= compared) return (focus = place < 0 ? 0 : 0), go(index + (place < 0 ? -compared : compared));
  focus = place;
  stage.focus(focus);
  strip.go(index + focus);
  tell();
}

// A phone: swipe over a picture that fits.
let touched = null;
$("stage").addEventListener("touchstart", (event) => (touched = event.touches.length === 1 && stage.scale === null ? event.touches[0].clientX : null), { passive: true });
$("stage").addEventListener("touchend", (event) => {
  const by = touched === null ? 0 : event.changedTouches[0].clientX - touched;
  if (Math.abs(by) > 60) go(index + (by < 0 ? 1 : -1));
}, { passive: true });
$("stage").addEventListener("click", (event) => {
  const place = [...$("stage").children].findIndex((pane) => pane.contains(event.target));
  if (compared > 1 && place >= 0) select(place);
});

window.addEventListener("beforeunload", (event) => keeper?.busy && event.preventDefault());
document.addEventListener("studio:changed", (event) => {
  // New pictures while nothing is being looked at; somebody who looks is not disturbed.
  if (desk.hidden && event.detail.kind === "art.delivered") begin().catch(said);
});
begin().catch(said);
