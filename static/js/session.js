// Says when the session is about to end, and extends it with one click. Without it the session ends, and the next form is kept.
"use strict";

(() => {
  if (!("ends" in document.body.dataset)) return; // nobody is signed in
  const left = Number(document.body.dataset.ends);
  const WARN_BEFORE_S = Math.min(120, left / 2);
  const LATER_MS = 15000;
  const LONGEST_TIMER_MS = 2 ** 31 - 1;
  const address = () => new URL("extend-session", document.querySelector("[data-test-subj=profileLink]").href);
  // Other tabs of the same session: what one of them learns, all know.
  const tabs = new BroadcastChannel("usermgmt-session");
  let timer;
  let warning;

  function later(milliseconds) {
    clearTimeout(timer);
    timer = setTimeout(look, Math.min(Math.max(milliseconds, 0), LONGEST_TIMER_MS));
  }

  // What the server answered, here or to another tab.
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

  // Asking how long is left (GET) does not extend it.
  async function ask(options) {
    const answer = await fetch(address(), { redirect: "manual", ...options });
    if (answer.ok) return answer.json();
    if (answer.type === "opaqueredirect" || answer.status === 401) return { seconds: 0 };
    throw new Error(`status ${answer.status}`);
  }

  async function look() {
    try {
      take(await ask());
    } catch { // no answer: that proves nothing
      later(LATER_MS);
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
    warning?.remove();
    warning = undefined;
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
    // Behind an open dialog nobody could click it.
    if (document.getElementById("dialog").open) document.getElementById("dialog-content").prepend(warning);
    else document.getElementById("toasts").append(warning);
    if (hadFocus) warning.querySelector("button").focus();
  }

  function button(text, onClick) {
    const element = Object.assign(document.createElement("button"), { type: "button", className: "button button--small", textContent: text });
    element.addEventListener("click", onClick);
    return element;
  }

  tabs.addEventListener("message", (event) => { if (event.data.seconds > WARN_BEFORE_S) take(event.data); });
  tabs.postMessage({ seconds: left });
  later((left - WARN_BEFORE_S) * 1000);
})();
