// Password fields: show and hide, generate (in the browser only), copy, and a checkbox that enables the submit button.
"use strict";

(() => {
  const EYE = "M2 10s3-5.500 8-5.500S18 10 18 10s-3 5.500-8 5.500S2 10 2 10zM10 12.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z";

  function icon(path) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const shape = document.createElementNS(svg.namespaceURI, "path");
    for (const [name, value] of Object.entries({ viewBox: "0 0 20 20", width: 20, height: 20, "aria-hidden": "true" })) svg.setAttribute(name, value);
    for (const [name, value] of Object.entries({ d: path, fill: "none", stroke: "currentColor", "stroke-width": "1.5" })) shape.setAttribute(name, value);
    svg.append(shape);
    return svg;
  }

  // Show and hide
  function show(input, visible) {
    input.type = visible ? "text" : "password";
    input.parentElement.querySelector("[data-show]").setAttribute("aria-pressed", String(visible));
  }

  function addShowButton(input) {
    const box = document.createElement("div");
    const button = document.createElement("button");
    box.className = "field__box";
    Object.assign(button, { type: "button", className: "icon-button" });
    button.dataset.show = "";
    button.setAttribute("aria-label", input.dataset.showLabel || "Show password");
    button.append(icon(EYE));
    button.addEventListener("click", () => show(input, input.type === "password"));
    const hadFocus = document.activeElement === input;
    input.replaceWith(box);
    box.append(input, button);
    show(input, false);
    // Password managers look for fields of this type when a form is submitted.
    input.form?.addEventListener("submit", () => show(input, false));
    if (hadFocus || input.autofocus) input.focus();
  }

  // Generate: as password_policy.generate does
  function pick(characters) {
    const limit = 256 - (256 % characters.length); // a larger value would bias the choice
    for (;;) {
      const [byte] = crypto.getRandomValues(new Uint8Array(1));
      if (byte < limit) return characters[byte % characters.length];
    }
  }

  function generated({ letters, characters, length }) {
    return pick(letters) + Array.from({ length: Number(length) - 1 }, () => pick(characters)).join("");
  }

  async function copy(input) {
    try {
      await navigator.clipboard.writeText(input.value);
    } catch { // the clipboard is not available over plain HTTP
      input.select();
      return document.execCommand("copy");
    }
    return true;
  }

  function equip(root) {
    const [password, confirmation] = root.querySelectorAll("[autocomplete=new-password]");
    const [generate, copyButton, status] = ["generate", "copy", "status"].map((name) => root.querySelector(`[data-${name}]`));
    generate.addEventListener("click", () => {
      const value = generated(root.dataset);
      for (const input of [password, confirmation]) {
        input.value = value;
        show(input, true);
      }
      root.querySelector(".strength").replaceChildren();
      copyButton.hidden = false;
      status.textContent = "Password generated. Copy it now, because it is hidden after you submit the form.";
    });
    copyButton.addEventListener("click", async () => {
      status.textContent = (await copy(password)) ? "Copied to the clipboard." : "Couldn't copy the password. Select it and press Ctrl+C.";
    });
    password.form.addEventListener("submit", () => {
      copyButton.hidden = true;
      status.textContent = "";
    });
  }

  // A button that copies a field, and says so in the element after it
  function addCopy(button) {
    button.addEventListener("click", async () => {
      const isCopied = await copy(document.getElementById(button.dataset.copyField));
      button.nextElementSibling.textContent = isCopied ? "Copied to the clipboard." : "Couldn't copy the text. Select it and press Ctrl+C.";
    });
  }

  // A submit button that a checkbox enables
  function lock(box) {
    const button = box.form.querySelector("[type=submit]");
    const follow = () => { button.disabled = !box.checked; };
    box.addEventListener("change", follow);
    follow();
  }

  document.addEventListener("htmx:load", (event) => {
    const { elt } = event.detail;
    elt.querySelectorAll(".field > input[type=password]").forEach(addShowButton);
    elt.querySelectorAll("[data-new-password]").forEach(equip);
    elt.querySelectorAll("[data-copy-field]").forEach(addCopy);
    elt.querySelectorAll("[data-unlocks-submit]").forEach(lock);
  });
})();
