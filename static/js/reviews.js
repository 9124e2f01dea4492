// Keyboard control of a review: arrows move, K, C, and R decide, Enter toggles the comment. Each row is saved separately (htmx).
"use strict";

(() => {
  const DECISIONS = { k: "keep", c: "change", r: "remove" };
  const items = () => [...document.querySelectorAll("[data-item]")];
  const comment = (item) => item.querySelector("input[type=text]");
  const isDecided = (item) => item.querySelector("input[type=radio]:checked") !== null;
  const send = (item) => item.dispatchEvent(new CustomEvent("usermgmt:decide"));

  function move(item, step) {
    const all = items();
    const next = all[all.indexOf(item) + step] ?? (step > 0 ? document.querySelector("[data-next], [data-test-subj=signOffButton]") : null);
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  function decide(item, choice) {
    choice.checked = true;
    send(item);
    move(item, 1);
  }

  // No shortcuts in the comment field.
  function inComment(event, item) {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    if (event.key === "Enter" && isDecided(item)) send(item);
    item.focus();
  }

  function onItem(event, item) {
    const choice = item.querySelector(`input[value=${DECISIONS[event.key.toLowerCase()]}]`);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (choice) decide(item, choice);
    else if (step && event.target === item) move(item, step);
    else if (event.key === "Enter" && event.target === item) comment(item).focus();
    else return;
    event.preventDefault();
  }

  document.addEventListener("keydown", (event) => {
    const item = event.target.closest?.("[data-item]");
    if (!item || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target === comment(item)) inComment(event, item);
    else onItem(event, item);
  });

  // The button submits the whole page; only needed without this script.
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
    if (!event.target.closest("[data-decide]")) return;
    event.preventDefault();
    send(event.target.closest("[data-item]"));
  });

  // A comment without a decision isn't sent.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.matches("[data-item]") && !isDecided(event.target)) event.preventDefault();
  });

  // Keep what is typed during the request.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const item = event.target;
    if (!item.matches("[data-item]") || document.activeElement !== comment(item)) return;
    const typed = comment(item).value;
    document.addEventListener("htmx:afterSettle", () => { document.getElementById(item.id).querySelector("input[type=text]").value = typed; }, { once: true });
  });

  // Focus the first pending row, unless the browser restores an earlier position.
  if (!location.hash && document.activeElement === document.body) items().find((item) => !isDecided(item))?.focus({ preventScroll: true });
})();
