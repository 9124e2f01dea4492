// User list: selected rows, the label of the delete button, and the URL of a search.
"use strict";

(() => {
  const boxes = (form) => [...form.querySelectorAll("tbody input[name=username]:enabled")];

  function refresh(form) {
    const all = boxes(form);
    const count = all.filter((box) => box.checked).length;
    const selectAll = form.querySelector("[data-selection-all]");
    const label = form.querySelector("[data-selection-label]");
    const changeLabel = form.querySelector("[data-selection-change] span");
    const users = count === 1 ? "1 user" : `${count} users`;
    if (label) label.textContent = `Delete ${users}`;
    if (changeLabel) changeLabel.textContent = count ? `Change ${users}` : "Change users";
    if (!selectAll) return;
    selectAll.checked = count > 0 && count === all.length;
    selectAll.indeterminate = count > 0 && count < all.length;
    selectAll.disabled = all.length === 0;
  }

  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-selection]");
    if (!form) return;
    if (event.target.matches("[data-selection-all]")) {
      boxes(form).forEach((box) => { box.checked = event.target.checked; });
    }
    refresh(form);
  });

  // A bulk change has a page of its own: htmx, which would open the dialog, doesn't see this button.
  document.addEventListener("submit", (event) => {
    if (event.submitter?.matches("[data-selection-change]")) event.stopPropagation();
  }, true);

  document.addEventListener("htmx:load", () => document.querySelectorAll("[data-selection]").forEach(refresh));

  // Keep URLs short: leave out default values.
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.target.id !== "users-search") return;
    const { formData } = event.detail;
    const reserved = formData.getAll("reserved").includes("1");
    formData.delete("reserved");
    if (!reserved) formData.set("reserved", "0");
    if (!formData.get("q").trim()) formData.delete("q");
  });
})();
