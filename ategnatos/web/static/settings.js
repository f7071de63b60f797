// Settings: how the page looks, and memory reckoned as the values change.

import "./agreeing.js";
import "./posting.js";

const YEAR = 365 * 24 * 3600;
for (const field of document.querySelectorAll("[data-cookie]"))
  field.addEventListener("change", () => {
    document.cookie = `${field.dataset.cookie}=${field.value}; path=/; max-age=${YEAR}; samesite=strict`;
    location.reload();
  });

const filter = document.getElementById("find-word");
filter?.addEventListener("input", () => {
  const wanted = filter.value.toLowerCase();
  for (const row of document.querySelectorAll("#dictionary tbody tr")) row.hidden = !row.textContent.toLowerCase().includes(wanted);
});
