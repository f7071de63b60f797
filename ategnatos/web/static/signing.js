// The last look: every choice with the hash of its bytes, then one passphrase.

import { post } from "./wire.js";

const $ = (id) => document.getElementById(id);

function row(one) {
  const line = document.createElement("tr");
  const cells = [one.name, one.verdict, `${one.sha256.slice(0, 16)}…`, one.reason || ""];
  for (const [place, text] of cells.entries()) {
    const cell = document.createElement("td");
    cell.textContent = text;
    if (place === 1) cell.className = "badge", (cell.dataset.mark = text);
    if (place === 2) cell.className = "hash", (cell.title = one.sha256);
    line.append(cell);
  }
  return line;
}

// Resolves with the server's answer, or null where the person went back.
export function signing(choices, signer) {
  const dialog = $("signing"), problem = $("signing-problem"), go = $("signing-go"), field = $("passphrase");
  const say = (error) => {
    problem.textContent = error ? [error.message, error.hint].filter(Boolean).join(" ") : "";
    problem.hidden = !error;
  };
  const yes = choices.filter((one) => one.verdict === "approved").length;
  const counts = `${yes} approved, ${choices.length - yes} rejected.`;
  $("signing-title").textContent = signer.signs ? "Sign your verdicts" : "Record your verdicts";
  $("signing-what").textContent = signer.signs
    ? `${counts} Each gets a signature of its own, and is final for its bytes.`
    : `${counts} This studio has no keys: they are recorded unsigned, and are final for their bytes. ‘ategnatos gate init’ begins signed mode.`;
  $("signing-list").tBodies[0].replaceChildren(...choices.map(row));
  $("signing-key").hidden = !signer.signs || signer.open;
  go.textContent = signer.signs ? `Sign ${choices.length}` : `Record ${choices.length}`;
  go.disabled = Boolean(signer.problem);
  say(signer.problem);
  field.value = "";
  return new Promise((resolve) => {
    let answer = null;
    dialog.querySelector("form").onsubmit = async (event) => {
      event.preventDefault();
      if (go.disabled) return;
      if (!$("signing-key").hidden && !field.value) return field.focus();
      go.disabled = true;
      go.textContent = "Signing…";
      say(null);
      const passphrase = field.value || undefined;
      field.value = "";
      try {
        answer = await post("/review/sign", { choices, passphrase });
        dialog.close();
      } catch (error) {
        say(error.code ? error : { message: "The page's server does not answer.", hint: "Your choices are kept. Try again." });
        if (error.code === "signature_needed" || error.code === "passphrase_wrong") $("signing-key").hidden = false;
        go.disabled = false;
        go.textContent = signer.signs ? `Sign ${choices.length}` : `Record ${choices.length}`;
        field.focus();
      }
    };
    dialog.onclose = () => {
      field.value = "";
      resolve(answer);
    };
    dialog.showModal();
    ($("signing-key").hidden ? go : field).focus();
  });
}
