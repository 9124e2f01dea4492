// Menus, toasts, and errors of htmx requests.
"use strict";

// No eval and no injected styles (blocked by the CSP); no pages with user data in htmx's history cache.
// The target of an htmx request shows only the #error part of an error page.
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
  const SUBMIT_AGAIN_AFTER_MS = 10000;

  // From the next page on, times and date filters are in the time zone of the browser.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.split("; ").includes(`usermgmt_time_zone=${zone}`)) {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `usermgmt_time_zone=${zone}; path=${document.documentElement.dataset.path}; max-age=31536000; samesite=lax${secure}`;
  }

  // On a narrow screen, the navigation is a strip that scrolls sideways.
  const navigation = document.querySelector(".navigation");
  const currentLink = navigation?.querySelector("[aria-current]");
  if (currentLink) {
    const [strip, link] = [navigation.getBoundingClientRect(), currentLink.getBoundingClientRect()];
    navigation.scrollLeft += link.left + link.width / 2 - strip.left - strip.width / 2;
  }
  // The browser is content with a few pixels of the link that has the focus. Under a pointer, which is down then, nothing moves.
  navigation?.addEventListener("focusin", ({ target }) => {
    if (target.matches(":focus-visible")) target.scrollIntoView({ block: "nearest", inline: "nearest" });
  });

  // Menus. One that the focus has left would cover what has it now.
  for (const type of ["click", "focusin"]) {
    document.addEventListener(type, (event) => {
      for (const menu of document.querySelectorAll("details[data-popover][open]")) {
        if (!menu.contains(event.target)) menu.open = false;
      }
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = document.querySelector("details[data-popover][open]");
      if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    }
  });

  // Toasts. One that is closed gives the focus back.
  let before = null;
  document.addEventListener("focusout", ({ target }) => { if (!target.closest(".toast")) before = target; });
  window.giveFocusBack = (toast) => {
    if (toast.contains(document.activeElement)) (before?.isConnected ? before : document.querySelector("main")).focus({ preventScroll: true });
  };

  function leave(toast) {
    window.giveFocusBack(toast);
    toast.classList.add("toast--leaving");
    setTimeout(() => toast.remove(), 350);
  }
  function show(toast) {
    document.getElementById("toasts").append(toast);
    fadeIfSuccess(toast);
  }
  function fadeIfSuccess(toast) {
    if (toast.classList.contains("toast--success")) {
      const fade = () => (toast.matches(":hover, :focus-within") ? setTimeout(fade, 1000) : leave(toast));
      setTimeout(fade, SUCCESS_STAYS_MS);
    }
  }
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-toast-close]")) leave(event.target.closest("[data-toast]"));
  });
  // A live region announces only added content, so add the initial messages again.
  const loaded = [...document.querySelectorAll("[data-toast]")];
  loaded.forEach(show);

  function toast(text) {
    // A toast behind an open dialog is neither visible nor announced.
    const isInDialog = document.getElementById("dialog").open;
    const place = document.getElementById(isInDialog ? "dialog-content" : "toasts");
    // Polling would show the same toast again and again.
    const shown = [...place.querySelectorAll(".toast--error:not(.toast--leaving) > p")];
    if (shown.some((words) => words.textContent === text)) return;
    const element = document.createElement("div");
    element.className = "toast toast--error";
    element.dataset.toast = "";
    const words = document.createElement("p");
    words.textContent = text;
    const close = document.createElement("button");
    Object.assign(close, { type: "button", className: "icon-button", textContent: "×" });
    close.setAttribute("aria-label", "Dismiss");
    close.dataset.toastClose = "";
    element.append(words, close);
    if (!isInDialog) return show(element);
    element.setAttribute("role", "alert");
    place.prepend(element);
  }

  // Errors of htmx requests: error pages of usermgmt are shown in the target (responseHandling), other errors as a toast.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status >= 400 && xhr.status !== 422 && !xhr.responseText.includes('id="error"')) {
      event.detail.shouldSwap = false;
      toast(`The server returned an error (${xhr.status}). Reload the page and check whether your change was applied.`);
    }
  });
  document.addEventListener("htmx:sendError", (event) => {
    if (!event.detail.elt.matches("[data-quiet]")) toast("The server didn't respond. If you were making a change, check whether it was applied before you try again.");
  });
  // The server rejects longer headers. The address of a list with many filters is longer.
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (detail.headers["HX-Current-URL"]?.length > 4096) delete detail.headers["HX-Current-URL"];
  });
  // Background requests, such as hints while typing, fail silently and never redirect.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { elt, xhr } = event.detail;
    if (elt.matches("[data-quiet]") && (xhr.status !== 200 || xhr.getResponseHeader("HX-Redirect"))) event.preventDefault();
  });

  // A page that goes to another one by itself, such as that of a bulk change to its result, leaves what was typed in its frame. The
  // sign-in page has no such frame: there, the submitted form is kept.
  const TEXT_FIELD = "input:not([type=hidden], [type=checkbox], [type=radio], [type=submit]), textarea";
  const typed = () => [...document.querySelectorAll(TEXT_FIELD)].filter((field) => field.value !== field.defaultValue);
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr, requestConfig } = event.detail;
    const url = xhr.getResponseHeader("HX-Redirect");
    if (!url || requestConfig.triggeringEvent || !typed().length) return;
    event.preventDefault();
    const main = document.getElementById("main");
    if (url.startsWith(document.documentElement.dataset.signIn) || typed().some((field) => main.contains(field))) return;
    // The server shows a message once, so those of the page come along.
    htmx.ajax("GET", url, { target: main, select: "#main", swap: "outerHTML", selectOOB: "#toasts:beforeend" });
    history.replaceState(null, "", url);
  });

  // A double click submits a form only once. After Escape or a pause the form can be submitted again, because the browser
  // doesn't say that the user stopped the first request.
  let timer;
  const allowSubmits = () => document.querySelectorAll("[data-sent]").forEach((form) => { delete form.dataset.sent; });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post")) return;
    if ("again" in form.dataset) return; // the response can be a file, and the page stays
    if ("sent" in form.dataset) return event.preventDefault();
    form.dataset.sent = "";
    clearTimeout(timer);
    timer = setTimeout(allowSubmits, SUBMIT_AGAIN_AFTER_MS);
  });
  window.addEventListener("pageshow", allowSubmits);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") allowSubmits(); });

  // A link in a menu that was replaced leaves the keyboard focus to the new menu.
  document.addEventListener("htmx:afterSettle", ({ detail }) => {
    const menu = detail.requestConfig?.elt.closest("details[data-popover]");
    if (menu && !menu.isConnected) document.getElementById(menu.querySelector("summary").id)?.focus();
  });

  // htmx keeps the focus on an element with an ID. In the same way, a <details> that was opened stays open.
  let opened = [];
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    opened = [...detail.target.querySelectorAll("details[id][open]")].map(({ id }) => id);
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const details of opened.map((id) => document.getElementById(id))) if (details) details.open = true;
  });

  document.addEventListener("htmx:load", (event) => {
    if (event.detail.elt.matches("[data-toast]")) fadeIfSuccess(event.detail.elt);
    if (event.detail.elt === document.body) document.querySelector("main [aria-invalid=true]")?.focus();
    const news = event.detail.elt.querySelector("[data-announce]");
    if (news && event.detail.elt !== document.body) document.getElementById("announcer").textContent = news.textContent.trim();
  });
})();
