// What every page has: menus, toasts, the password's show button, errors of htmx requests.
"use strict";

// No eval, no injected style (both refused by our CSP); no page with user data kept in the browser's history cache.
// An error page answered to htmx is shown in the target, reduced to its #error part.
Object.assign(htmx.config, {
  includeIndicatorStyles: false,
  allowEval: false,
  allowScriptTags: false,
  selfRequestsOnly: true,
  historyCacheSize: 0,
  refreshOnHistoryMiss: true,
  scrollIntoViewOnBoost: false,
  responseHandling: [
    { code: "204", swap: false },
    { code: "[23]..", swap: true },
    { code: "422", swap: true },
    { code: "...", swap: true, select: "#error" },
  ],
});

(() => {
  const SUCCESS_STAYS_MS = 8000;
  const EYE = "M2 10s3-5.500 8-5.500S18 10 18 10s-3 5.500-8 5.500S2 10 2 10zM10 12.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z";

  const icon = (path) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const shape = document.createElementNS(svg.namespaceURI, "path");
    for (const [name, value] of Object.entries({ viewBox: "0 0 20 20", width: 20, height: 20, "aria-hidden": "true" })) svg.setAttribute(name, value);
    for (const [name, value] of Object.entries({ d: path, fill: "none", stroke: "currentColor", "stroke-width": "1.5" })) shape.setAttribute(name, value);
    svg.append(shape);
    return svg;
  };

  // Menus
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details[data-popover][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = document.querySelector("details[data-popover][open]");
      if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    }
  });

  // Toasts
  function leave(toast) {
    toast.classList.add("toast--leaving");
    setTimeout(() => toast.remove(), 350);
  }
  function show(toast) {
    document.getElementById("toasts").append(toast);
    if (toast.classList.contains("toast--success")) {
      const fade = () => (toast.matches(":hover, :focus-within") ? setTimeout(fade, 1000) : leave(toast));
      setTimeout(fade, SUCCESS_STAYS_MS);
    }
  }
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-toast-close]")) leave(event.target.closest("[data-toast]"));
  });
  // A live region speaks what is added to it, not what it was loaded with: so add the messages again.
  const loaded = [...document.querySelectorAll("[data-toast]")];
  loaded.forEach(show);

  function toast(text) {
    const element = document.createElement("div");
    element.className = "toast toast--error";
    element.dataset.toast = "";
    const words = document.createElement("p");
    words.textContent = text;
    const close = document.createElement("button");
    Object.assign(close, { type: "button", className: "icon-button", textContent: "×" });
    close.setAttribute("aria-label", "Close this message");
    close.dataset.toastClose = "";
    element.append(words, close);
    // Behind an open dialog nobody would see or hear it.
    const dialog = document.getElementById("dialog");
    if (!dialog.open) return show(element);
    element.setAttribute("role", "alert");
    document.getElementById("dialog-content").prepend(element);
  }

  // Errors of htmx requests: our own error pages are shown in place (responseHandling), anything else is told.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status >= 400 && xhr.status !== 422 && !xhr.responseText.includes('id="error"')) {
      event.detail.shouldSwap = false;
      toast(`The server answered with an error (${xhr.status}). Reload the page and look whether your change was made.`);
    }
  });
  document.addEventListener("htmx:sendError", () => toast("No answer came from the server. If you were changing something, look whether it was done before you try again."));

  // A double click sends a form once.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post")) return;
    if ("sent" in form.dataset) event.preventDefault();
    form.dataset.sent = "";
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((form) => { delete form.dataset.sent; }));

  // Passwords
  function addShowButton(input) {
    const box = document.createElement("div");
    const button = document.createElement("button");
    box.className = "field__box";
    Object.assign(button, { type: "button", className: "icon-button" });
    button.setAttribute("aria-label", "Show password");
    button.setAttribute("aria-pressed", "false");
    button.append(icon(EYE));
    button.addEventListener("click", () => {
      const hidden = input.type === "text";
      input.type = hidden ? "password" : "text";
      button.setAttribute("aria-pressed", String(!hidden));
    });
    input.form?.addEventListener("submit", () => { input.type = "password"; });
    input.replaceWith(box);
    box.append(input, button);
    if (input.autofocus) input.focus();
  }

  document.addEventListener("htmx:load", (event) => {
    event.detail.elt.querySelectorAll(".field > input[type=password]").forEach(addShowButton);
    if (event.detail.elt === document.body) document.querySelector("main [aria-invalid=true]")?.focus();
    const news = event.detail.elt.querySelector("[data-announce]");
    if (news && event.detail.elt !== document.body) document.getElementById("announcer").textContent = news.textContent.trim();
  });
})();
