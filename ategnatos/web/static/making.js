// Orders from a job's page: made by the server as the command line makes them.

import { post } from "./wire.js";

for (const form of document.querySelectorAll("form[data-make]"))
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = form.querySelector(".said"), button = form.querySelector("button");
    said.className = "said soft";
    said.textContent = "Making…";
    button.disabled = true;
    try {
      const made = await post(form.dataset.make, Object.fromEntries(new FormData(form)));
      if (made.fresh) location.href = `/job/${made.job}`;
      else {
        said.textContent = `These stand already as ${made.job}: nothing new was made.`;
        button.disabled = false;
      }
    } catch (problem) {
      said.className = "said problem";
      said.textContent = [problem.message, problem.hint].filter(Boolean).join(" ");
      button.disabled = false;
    }
  });
