// What happens in the studio, as it happens; asked for every two seconds where that is not heard.

const state = document.getElementById("state");
const words = state.querySelector("[data-said]");
const QUIET = 15000;
let heard = performance.now(), source, polling = null, last = "";

function show(mood, text) {
  state.dataset.mood = mood;
  words.textContent = text;
}

function tell(kind, detail) {
  document.dispatchEvent(new CustomEvent("studio:changed", { detail: { kind, ...detail } }));
  // For htmx: hx-trigger="studio from:body"
  document.body.dispatchEvent(new CustomEvent("studio", { detail: { kind } }));
  if (kind.startsWith("eye.")) document.body.dispatchEvent(new CustomEvent("taste"));
}

// A training wrote how it stands: hx-trigger="run from:body"
function moved(run) {
  document.dispatchEvent(new CustomEvent("studio:run", { detail: { run } }));
  document.body.dispatchEvent(new CustomEvent("run", { detail: { run } }));
}

function sources(list) {
  const stale = list.filter((one) => one.stale);
  if (stale.length) show("stale", `stale: ${stale.map((one) => `${one.name} since ${one.since}`).join(", ")}`);
  else show("live", "live");
}

function open() {
  source = new EventSource("/events");
  source.addEventListener("beat", (event) => {
    heard = performance.now();
    stop();
    sources(JSON.parse(event.data).sources);
  });
  source.addEventListener("journal", (event) => {
    heard = performance.now();
    const said = JSON.parse(event.data);
    tell(said.kind, said);
  });
  source.addEventListener("run", (event) => moved(event.data));
  source.addEventListener("work", () => tell("work", {}));
  source.onerror = () => poll();
}

async function ask() {
  try {
    const answer = await fetch("/api/v1/state", { cache: "no-store" });
    if (answer.status === 403) {
      show("gone", "session ended");
      return location.reload();
    }
    const found = await answer.json();
    heard = performance.now();
    sources(found.sources);
    const now = `${found.head} ${found.work}`;
    if (last && now !== last) tell("polled", {});
    moved("");
    last = now;
  } catch {
    show("gone", "not connected");
  }
}

function poll() {
  if (polling) return;
  ask();
  polling = setInterval(ask, 2000);
}

function stop() {
  clearInterval(polling);
  polling = null;
}

setInterval(() => {
  if (performance.now() - heard > QUIET && !polling) {
    show("stale", "stale");
    poll();
  }
}, 3000);
document.querySelector(".top nav a[aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
open();
