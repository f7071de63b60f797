// Requests to our own server, and what is said when one fails.

const csrf = document.body.dataset.csrf || "";
export const mayDecide = document.body.dataset.mayDecide === "yes";

export class Refusal extends Error {
  constructor(status, error, wanted = null) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.hint = error.hint || "";
    this.candidate = error.candidate || "";
    this.wanted = wanted; // what a person has to read and agree to first
  }
}

async function answer(response) {
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  const said = body.error || { code: "unreadable", message: `The server answered ${response.status}.` };
  throw new Refusal(response.status, said, body.wanted);
}

export async function get(path) {
  return answer(await fetch(path, { cache: "no-store" }));
}

export async function post(path, values = {}) {
  return answer(
    await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
      body: JSON.stringify(values),
    }),
  );
}

// Whether a key belongs to the field that it is typed into. The focus stays in the field of a dialog
// that has just closed until the browser draws again: there it takes no key from the page.
export const typed = (event) =>
  event.target.matches("input, textarea, select") && !event.target.closest("dialog:not([open])");

let fading;
export function toast(text, lasting = false) {
  const place = document.getElementById("toast");
  place.textContent = text;
  place.hidden = !text;
  clearTimeout(fading);
  if (text && !lasting) fading = setTimeout(() => (place.hidden = true), 6000);
}

const address = (one) => `${one.name.replace("#", "-")}/${one.sha256}`;
export const whole = (one) => `/picture/${address(one)}`;
export const small = (one) => `/thumbnail/${address(one)}`;

// A sprite keeps its pixels square; a photograph is scaled smoothly.
function sharp(image) {
  if (image.naturalWidth && image.naturalWidth <= 256) image.classList.add("exact");
}
document.addEventListener("load", (event) => event.target.tagName === "IMG" && sharp(event.target), true);
for (const image of document.images) sharp(image);
