// Keyboard control of a review: arrows move, K, C, and R decide, Enter toggles the comment. Each row is saved separately (htmx).
"use strict";

(() => {
  const DECISIONS = { k: "keep", c: "change", r: "remove" };
  const items = () => [...document.querySelectorAll("[data-item]")];
  const comment = (item) => item.querySelector("input[type=text]");
  const isDecided = (item) => item.querySelector("input[type=radio]:checked") !== null;
  const entered = (item) => ({ decision: item.querySelector("input[type=radio]:checked")?.value, comment: comment(item).value });
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

  // A comment without a decision isn't sent, and the row says so.
  const isNotSaved = (item) => !isDecided(item) && comment(item).value.trim() !== "";
  document.addEventListener("change", (event) => {
    const item = event.target.closest("[data-item]");
    const hint = item?.querySelector("[data-not-saved]");
    if (!hint) return;
    hint.hidden = !isNotSaved(item);
    const name = document.getElementById(item.getAttribute("aria-labelledby")).textContent.trim();
    if (!hint.hidden) document.getElementById("announcer").textContent = `${name}: ${hint.textContent}`;
  });
  window.addEventListener("beforeunload", (event) => { if (items().some(isNotSaved)) event.preventDefault(); });

  const sent = new WeakMap();
  document.addEventListener("htmx:beforeRequest", (event) => {
    const item = event.target;
    if (!item.matches("[data-item]")) return;
    if (isDecided(item)) sent.set(item, entered(item));
    else event.preventDefault();
  });

  // The response replaces the row, and htmx drops the request that waits for it. So the new row gets what was entered
  // meanwhile, and sends it, except over a problem, which the reviewer must see first.
  const newer = new Map();
  document.addEventListener("htmx:beforeSwap", (event) => {
    const item = event.target;
    if (!item.matches("[data-item]") || !event.detail.shouldSwap) return;
    const [now, before] = [entered(item), sent.get(item)];
    const isDecision = now.decision !== before.decision;
    const isTyping = document.activeElement === comment(item);
    if (isDecision || now.comment !== before.comment) newer.set(item.id, { ...now, waits: isTyping && !isDecision });
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const item = event.target;
    if (!newer.has(item.id)) return;
    const { decision, comment: text, waits } = newer.get(item.id);
    newer.delete(item.id);
    item.querySelector(`input[value=${decision}]`).checked = true;
    comment(item).value = text;
    if (item.querySelector("[data-decide]")) return;
    // The browser sees no change of a text that a script entered.
    if (waits) comment(item).addEventListener("blur", () => send(item), { once: true });
    else send(item);
  });

  // Focus the first pending row, unless the browser restores an earlier position.
  if (!location.hash && document.activeElement === document.body) items().find((item) => !isDecided(item))?.focus({ preventScroll: true });
})();
