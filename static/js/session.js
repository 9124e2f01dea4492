// Warns before the session ends, and can extend it. Without this script the session ends, and the next submitted form is stored.
"use strict";

(() => {
  if (!("secondsLeft" in document.body.dataset)) return; // signed out
  const left = Number(document.body.dataset.secondsLeft);
  const WARN_BEFORE_S = Math.min(120, left / 2);
  const RETRY_MS = 15000;
  const MAX_TIMER_MS = 2 ** 31 - 1;
  const url = () => new URL("extend-session", document.querySelector("[data-test-subj=profileLink]").href);
  // Shares the state with other tabs of the same session. Below another path of this host there can be another usermgmt.
  const tabs = new BroadcastChannel(`usermgmt-session ${url().pathname}`);
  let timer;
  let warning;

  function later(milliseconds) {
    clearTimeout(timer);
    timer = setTimeout(look, Math.min(Math.max(milliseconds, 0), MAX_TIMER_MS));
  }

  // Handles a response of the server, to this tab or another.
  function take({ seconds, can_be_extended: canBeExtended }) {
    if (seconds > WARN_BEFORE_S) {
      close();
      return later((seconds - WARN_BEFORE_S) * 1000);
    }
    if (seconds <= 0) return tell("Your session has ended. Your input is kept: sign in again when you submit the form.");
    const at = new Date(Date.now() + seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    tell(canBeExtended ? `Your session ends at ${at}.` : `Your session ends at ${at} and can't be extended. Save your work.`, canBeExtended);
    later(seconds * 1000 + 1000);
  }

  // A GET request doesn't extend the session.
  async function ask(options) {
    const answer = await fetch(url(), { redirect: "manual", ...options });
    if (answer.ok) return answer.json();
    if (answer.type === "opaqueredirect" || answer.status === 401) return { seconds: 0 };
    throw new Error(`status ${answer.status}`);
  }

  async function look() {
    try {
      take(await ask());
    } catch { // no response: the session may still exist
      later(RETRY_MS);
    }
  }

  async function extend() {
    const token = document.querySelector("#post [name=csrfmiddlewaretoken]").value;
    try {
      const answer = await ask({ method: "POST", headers: { "X-CSRFToken": token } });
      tabs.postMessage(answer);
      take(answer);
    } catch {
      tell("The session couldn't be extended because the server didn't respond.", true);
    }
  }

  function close() {
    if (warning) window.giveFocusBack(warning);
    warning?.remove();
    warning = undefined;
  }

  // A toast behind an open dialog isn't clickable.
  function place() {
    if (!warning) return;
    if (document.getElementById("dialog").open) document.getElementById("dialog-content").prepend(warning);
    else document.getElementById("toasts").append(warning);
  }

  function tell(text, canBeExtended = false) {
    const hadFocus = warning?.contains(document.activeElement);
    close();
    warning = document.createElement("div");
    warning.className = "toast toast--warning";
    warning.setAttribute("role", "alert");
    warning.dataset.testSubj = "sessionWarning";
    const words = document.createElement("p");
    words.textContent = text;
    warning.append(words, canBeExtended ? button("Stay signed in", extend) : button("Close", close));
    place();
    if (hadFocus) warning.querySelector("button").focus();
  }

  function button(text, onClick) {
    const element = Object.assign(document.createElement("button"), { type: "button", className: "button button--small", textContent: text });
    element.addEventListener("click", onClick);
    return element;
  }

  // dialog.js has replaced or removed its content, and the warning with it.
  document.addEventListener("close", (event) => { if (event.target.id === "dialog") place(); }, true);
  document.addEventListener("htmx:afterSettle", (event) => { if (event.target.id === "dialog-content") place(); });
  tabs.addEventListener("message", (event) => { if (event.data.seconds > WARN_BEFORE_S) take(event.data); });
  tabs.postMessage({ seconds: left });
  later((left - WARN_BEFORE_S) * 1000);
})();
