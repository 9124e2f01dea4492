// Global search: a combobox in the header. Without this script it is a form that opens /search.
"use strict";

(() => {
  const TYPING_PAUSE_MS = 80;
  const TEXT_FIELD = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]";
  const SORRY = '<p class="finder__nothing" role="alert">Search is temporarily unavailable. Press Enter to try again.</p>';
  const input = document.getElementById("search-input");
  const panel = document.getElementById("search-results");
  if (!input) return; // signed out
  const form = input.form;
  const isMac = navigator.platform.startsWith("Mac");
  let active = null; // the option that Enter opens
  let request = null; // the current request; older ones are aborted
  let timer; // delays the request while typing
  let entered = false; // Enter was pressed before the response arrived
  let cameFrom = null; // the focused element before a shortcut

  const options = () => [...panel.querySelectorAll("[role=option]")];
  const isOpen = () => request !== null || !panel.hidden;

  function activate(option, scroll = true) {
    active?.setAttribute("aria-selected", "false");
    active = option ?? null;
    if (!active) return input.removeAttribute("aria-activedescendant");
    active.setAttribute("aria-selected", "true");
    input.setAttribute("aria-activedescendant", active.id);
    if (!scroll) return;
    if (active === options()[0]) active.closest("[role=listbox]").scrollTop = 0; // shows the heading
    else active.scrollIntoView({ block: "nearest" });
  }

  function forget() {
    clearTimeout(timer);
    request?.abort();
    request = null;
    form.classList.remove("finder--waiting");
  }

  function ask(pause = 0) {
    forget();
    const mine = (request = new AbortController());
    timer = setTimeout(() => send(mine), pause);
  }

  async function send(mine) {
    form.classList.add("finder--waiting");
    const headers = { "HX-Request": "true", "HX-Target": panel.id, "HX-Current-URL": location.href };
    let answer = SORRY;
    try {
      const response = await fetch(`${form.action}?${new URLSearchParams({ q: input.value })}`, { headers, signal: mine.signal });
      if (response.headers.has("HX-Redirect")) return location.assign(response.headers.get("HX-Redirect")); // the sign-in page
      if (response.ok) answer = await response.text();
    } catch { /* no response, or an aborted request */ }
    if (mine === request) show(answer);
  }

  function show(answer) {
    forget();
    panel.innerHTML = answer;
    panel.hidden = false;
    options().forEach((option, number) => { option.id = `search-option-${number}`; });
    input.setAttribute("aria-expanded", String(options().length > 0));
    document.getElementById("announcer").textContent = panel.querySelector("[data-announce]")?.textContent ?? "";
    activate(options()[0]);
    if (entered) go();
  }

  function close() {
    forget();
    entered = false;
    panel.hidden = true;
    panel.replaceChildren();
    input.setAttribute("aria-expanded", "false");
    activate(null);
  }

  function go() {
    if (active) active.click();
    else form.submit();
  }

  function leave() {
    const back = cameFrom; // reset by the focus change
    input.blur();
    back?.focus();
  }

  function move(by) {
    const all = options();
    if (all.length) activate(all.at((all.indexOf(active) + by) % all.length));
  }

  const KEYS = {
    ArrowDown: () => (isOpen() ? move(1) : ask()),
    ArrowUp: () => (isOpen() ? move(-1) : ask()),
    Home: () => activate(options()[0]),
    End: () => activate(options().at(-1)),
    Enter() {
      entered = request !== null;
      if (entered) ask();
      else go();
    },
    Escape() {
      if (isOpen()) close();
      else if (input.value) input.value = "";
      else leave();
    },
  };

  input.addEventListener("keydown", (event) => {
    const takes = event.key === "Escape" || event.key.startsWith("Arrow") || isOpen();
    if (!KEYS[event.key] || !takes || event.isComposing || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  input.addEventListener("input", () => {
    entered = false;
    ask(TYPING_PAUSE_MS);
  });
  input.addEventListener("click", () => isOpen() || ask());
  form.addEventListener("focusout", (event) => {
    if (form.contains(event.relatedTarget)) return;
    cameFrom = null;
    close();
  });
  window.addEventListener("pagehide", close); // for a return through the history cache
  panel.addEventListener("mousedown", (event) => event.preventDefault()); // keep the focus in the field
  panel.addEventListener("mousemove", (event) => {
    const option = event.target.closest("[role=option]");
    if (option && option !== active) activate(option, false);
  });

  // Ctrl-K, Ctrl-/, and / outside text fields.
  document.addEventListener("keydown", (event) => {
    const command = isMac ? event.metaKey : event.ctrlKey;
    const palette = event.key.toLowerCase() === "k" && command && !event.shiftKey && !event.altKey;
    const slash = event.key === "/" && !event.altKey && (event.ctrlKey || (!event.metaKey && !event.target.closest(TEXT_FIELD)));
    if (event.isComposing || !(slash || palette) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    if (document.activeElement !== input) cameFrom = document.activeElement;
    input.focus();
    input.select();
    if (!isOpen()) ask();
  });

  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "search-list" })) input.setAttribute(name, value);
  if (isMac) form.querySelector("kbd").textContent = "⌘K";
})();
