// One <dialog> for the whole page: a link with hx-target="#dialog-content" fills it, and it opens.
"use strict";

(() => {
  const dialog = () => document.getElementById("dialog");
  const FIRST_FIELD = "input:not([type=hidden], [hidden], [readonly]), a, button";

  function focusFirst(root) {
    const field = root.querySelector("[aria-invalid=true]") ?? root.querySelector("[autofocus]") ?? root.querySelector(FIRST_FIELD);
    field?.focus();
  }

  let opener = null;

  function openWith(content) {
    if (!dialog().open) {
      opener = document.activeElement;
      dialog().showModal();
    }
    focusFirst(content);
  }

  // A click with a modifier key opens a new tab or window; htmx would intercept it.
  document.addEventListener("click", (event) => {
    const modified = event.ctrlKey || event.metaKey || event.shiftKey;
    if (modified && event.target.closest("a[hx-get]")) event.stopPropagation();
  }, true);

  document.addEventListener("click", (event) => {
    if (event.target.closest("#dialog [data-dialog-close]")) {
      event.preventDefault();
      dialog().close();
    }
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "dialog-content") openWith(event.target);
  });

  // Remove the content when the dialog closes: typed passwords, and the listeners of the roles box (roles.js).
  document.addEventListener("close", (event) => {
    if (event.target.id !== "dialog") return;
    const content = document.getElementById("dialog-content");
    content.dispatchEvent(new CustomEvent("usermgmt:leave", { bubbles: true }));
    content.replaceChildren();
    // The browser gives the focus back to the opener, unless the part of the page with it was loaded again meanwhile.
    if (!opener.isConnected) document.getElementById(opener.id)?.focus();
  }, true);
})();
