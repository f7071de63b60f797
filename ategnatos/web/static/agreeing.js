// Forms whose act may need a person's agreement: what is to be read is shown, then sent again.

import { post, Refusal, toast } from "./wire.js";

const $ = (id) => document.getElementById(id);
const dialog = $("agreeing");

// Resolves with { agreed, passphrase }, or null where the person went back.
function ask(wanted, problem) {
  $("agreeing-lines").replaceChildren(
    ...wanted.lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })),
  );
  const field = $("agreeing-passphrase"), go = $("agreeing-go");
  $("agreeing-key").hidden = !wanted.needs_key;
  $("agreeing-how").textContent = wanted.signs
    ? "Your signature goes into the record."
    : "This studio has no keys: your yes is recorded unsigned.";
  go.textContent = wanted.signs ? "Sign and agree" : "I agree";
  $("agreeing-problem").textContent = problem || "";
  $("agreeing-problem").hidden = !problem;
  field.value = "";
  return new Promise((resolve) => {
    let answer = null;
    dialog.querySelector("form").onsubmit = (event) => {
      event.preventDefault();
      if (wanted.needs_key && !field.value) return field.focus();
      answer = { agreed: wanted.agreed, passphrase: field.value || undefined };
      dialog.close();
    };
    dialog.onclose = () => {
      field.value = "";
      resolve(answer);
    };
    dialog.showModal();
    (wanted.needs_key ? field : go).focus();
  });
}

// Sends the values; what needs agreement is asked for. Resolves with the answer, or null.
export async function agreed(path, values) {
  let more = {}, shown = null;
  for (;;) {
    try {
      return await post(path, { ...values, ...more });
    } catch (problem) {
      if (!(problem instanceof Refusal)) throw problem;
      if (problem.wanted) shown = problem.wanted;
      else if (shown && ["passphrase_wrong", "key_closed"].includes(problem.code)) shown = { ...shown, needs_key: true };
      else throw problem;
      const answer = await ask(shown, problem.wanted ? "" : problem.message);
      if (!answer) return null;
      more = answer;
    }
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-agree]");
  if (!form) return;
  event.preventDefault();
  const said = form.querySelector(".said"), button = event.submitter || form.querySelector("button");
  const values = Object.fromEntries(new FormData(form));
  if (button?.name) values[button.name] = button.value;
  const say = (text, problem = false) => {
    if (!said) return toast(text);
    said.className = `said ${problem ? "problem" : "told"}`;
    said.textContent = text;
  };
  button.disabled = true;
  try {
    const done = await agreed(form.dataset.agree, values);
    if (done) {
      say(done.said || "Done.");
      if (form.dataset.then === "reload") setTimeout(() => location.reload(), 900);
    }
  } catch (problem) {
    say([problem.message || "The page's server does not answer.", problem.hint].filter(Boolean).join(" "), true);
  }
  button.disabled = false;
});
for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
