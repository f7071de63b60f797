// Buttons that send one request and show the page again.

import { post, toast } from "./wire.js";

for (const button of document.querySelectorAll("[data-post]"))
  button.addEventListener("click", async () => {
    try {
      await post(button.dataset.post);
      location.reload();
    } catch (problem) {
      toast(problem.message);
    }
  });
