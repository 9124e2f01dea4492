// The theme changes without a new page, which would lose what is typed in a form. Without this script, the button sends its form.
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest(".theme button");
  if (!button) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(button.form, button));
  // The redirect back to this page isn't followed.
  const response = await fetch(button.formAction, { method: "POST", body, redirect: "manual" }).catch(() => null);
  if (response?.type === "opaqueredirect") {
    document.documentElement.dataset.theme = button.value;
    for (const each of document.querySelectorAll(".theme button")) each.setAttribute("aria-pressed", each.value === button.value);
  } else if (response) {
    button.form.requestSubmit(button); // for the error page
  }
});
