// The button that adds an empty row for a key.
"use strict";

(() => {
  const button = document.querySelector("[data-add-row]");
  const total = document.querySelector("[name=metadata-TOTAL_FORMS]");
  const last = [...document.querySelectorAll("[data-new-row]")].at(-1);
  if (!button) return;
  if (!last) {
    button.hidden = true;
    return;
  }

  let newest = last;
  button.addEventListener("click", () => {
    const number = Number(total.value);
    const row = newest.cloneNode(true);
    for (const element of row.querySelectorAll("[name], [id], [for], [aria-describedby]")) {
      for (const name of ["name", "id", "for", "aria-describedby"]) {
        const value = element.getAttribute(name);
        if (value) element.setAttribute(name, value.replace(`metadata-${number - 1}-`, `metadata-${number}-`));
      }
    }
    for (const input of row.querySelectorAll("input, textarea")) input.value = "";
    for (const select of row.querySelectorAll("select")) select.selectedIndex = 0;
    for (const error of row.querySelectorAll(".field__errors")) error.remove();
    for (const field of row.querySelectorAll(".field--invalid")) field.classList.remove("field--invalid");
    for (const input of row.querySelectorAll("[aria-invalid]")) {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby"); // these fields have no other description
    }
    newest.after(row);
    newest = row;
    total.value = number + 1;
    row.querySelector("input").focus();
  });
})();
