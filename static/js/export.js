// Export with progress. The server sends a JSON line before each chunk of the file: {rows, total, bytes}. The last line has the
// file name, so that an interrupted response is never saved. Without this script the form downloads the same file.
"use strict";

(() => {
  const FRAMES = "application/vnd.usermgmt.frames";
  const NEWLINE = 10;
  const decoder = new TextDecoder();

  const joined = (one, other) => {
    const both = new Uint8Array(one.length + other.length);
    both.set(one);
    both.set(other, one.length);
    return both;
  };

  async function receive(body, tell) {
    const reader = body.getReader();
    const pieces = [];
    let waiting = new Uint8Array(0);
    let frame = null;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error("broken off");
      waiting = joined(waiting, value);
      for (;;) {
        const end = frame ? -1 : waiting.indexOf(NEWLINE);
        if (end >= 0) {
          frame = JSON.parse(decoder.decode(waiting.subarray(0, end)));
          waiting = waiting.subarray(end + 1);
        }
        if (!frame || waiting.length < frame.bytes) break;
        if (frame.name) return { name: frame.name, blob: new Blob(pieces) };
        pieces.push(waiting.slice(0, frame.bytes));
        waiting = waiting.subarray(frame.bytes);
        tell(frame);
        frame = null;
      }
    }
  }

  async function errorMessage(response) {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const words = [...page.querySelectorAll("#error :is(h1, h1 + p)")].map((element) => element.textContent.trim());
    return words.join(". ") || "Your session may have ended. Reload the page.";
  }

  function save({ name, blob }) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  async function download(form, tell) {
    const leaving = new AbortController();
    form.parentElement.addEventListener("usermgmt:leave", () => leaving.abort(), { once: true });
    const body = new URLSearchParams(new FormData(form));
    const response = await fetch(form.action, { method: "POST", body, headers: { Accept: FRAMES }, signal: leaving.signal });
    if (response.headers.get("Content-Type") !== FRAMES) return tell(await errorMessage(response));
    const file = await receive(response.body, ({ rows, total }) => tell(null, rows, total));
    save(file);
    tell(`Export complete: ${file.name}`);
    form.querySelector("[data-export-cancel]").textContent = "Close";
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-export]");
    if (!form) return;
    event.preventDefault();
    const [box, words, button] = ["[data-export-progress]", "[data-export-words]", "[type=submit]"].map((what) => form.querySelector(what));
    const bar = box.querySelector("progress");
    const tell = (text, rows, total) => {
      const noun = total === 1 ? form.dataset.export.replace(/s$/, "") : form.dataset.export;
      words.textContent = text ?? `${rows.toLocaleString("en")} of ${total.toLocaleString("en")} ${noun} exported`;
      if (!text) Object.assign(bar, { max: total || 1, value: rows });
    };
    box.hidden = false;
    button.disabled = true;
    tell("Starting …");
    try {
      await download(form, tell);
    } catch (error) {
      if (error.name !== "AbortError") tell("The export was interrupted, and no file was saved. Try again.");
    }
    button.disabled = false;
    delete form.dataset.sent;
  });
})();
