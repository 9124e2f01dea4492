// Privileges of roles: of the focused option while the dropdown is open, and of the selected roles below the roles box.
"use strict";

(() => {
  const REST_BEFORE_READING_MS = 120;
  const REST_BEFORE_SPEAKING_MS = 900;
  const FAILED = "<p>Couldn't load the privileges of this role.</p>";

  // The same encoding as RoleConverter on the server.
  const encoded = (name) => name.replace(/^\.|[^A-Za-z0-9_@.-]/g, (letter) => `~${letter.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);

  const cache = new Map();
  async function read(url) {
    const answer = await fetch(url, { headers: { "HX-Request": "true", "HX-Target": "role-details" } });
    const isSignedOut = answer.redirected || answer.headers.has("HX-Redirect");
    if (!answer.ok || isSignedOut) throw new Error(answer.status);
    return answer.text();
  }
  // An escaped fragment from the server, cached per role and page.
  function fragment(url) {
    if (!cache.has(url)) cache.set(url, read(url).catch(() => { cache.delete(url); return FAILED; }));
    return cache.get(url);
  }

  function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  // Below the options in the dropdown: Tab moves there, Escape returns.
  function addPreview(box, urlOf) {
    const heading = element("p", { className: "role-preview__title" });
    const text = element("div", {});
    const spoken = element("div", { className: "visually-hidden", ariaLive: "polite" });
    const preview = element("div", { className: "role-preview", hidden: true, tabIndex: 0, role: "region" }, heading, text);
    preview.dataset.testSubj = "rolePreview";
    box.dropdown.append(preview);
    box.wrapper.append(spoken);
    let shown = null;
    let reading;
    let speaking;

    function hide() {
      clearTimeout(reading);
      clearTimeout(speaking);
      shown = null;
      preview.hidden = true;
      spoken.textContent = "";
    }
    async function show(name) {
      const html = await fragment(urlOf(name));
      if (shown !== name) return;
      heading.textContent = name;
      text.innerHTML = html;
      preview.ariaLabel = `Privileges of ${name}`;
      preview.hidden = false;
      preview.scrollTop = 0;
      clearTimeout(speaking);
      speaking = setTimeout(() => { spoken.textContent = text.querySelector("[data-summary]")?.dataset.summary ?? ""; }, REST_BEFORE_SPEAKING_MS);
    }
    box.hook("after", "setActiveOption", (option) => {
      const name = option?.dataset.value;
      if (!name || !box.isOpen) return hide();
      if (name === shown) return;
      shown = name;
      clearTimeout(reading);
      clearTimeout(speaking);
      reading = setTimeout(show, cache.has(urlOf(name)) ? 0 : REST_BEFORE_READING_MS, name);
    });
    box.hook("after", "refreshOptions", () => { if (!box.activeOption) hide(); });
    box.on("dropdown_open", () => { if (box.activeOption) box.setActiveOption.call(box, box.activeOption); });
    box.on("dropdown_close", hide);

    const blur = box.onBlur;
    box.onBlur = (event) => { if (!preview.contains(event?.relatedTarget)) blur.call(box, event); };
    preview.addEventListener("focusout", (event) => { if (!box.wrapper.contains(event.relatedTarget)) box.onBlur(event); });
    preview.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      box.control_input.focus();
      box.close();
    });
  }

  // Below the roles box: an expandable line for each selected role.
  function addChosen(box, urlOf) {
    const list = element("div", { className: "chosen-roles" });
    list.dataset.testSubj = "chosenRoles";
    const lines = new Map();

    function line(name) {
      const text = element("div", {});
      const details = element("details", {}, element("summary", {}, "Privileges of ", element("strong", { textContent: name })), text);
      details.addEventListener("toggle", async () => { if (details.open) text.innerHTML = await fragment(urlOf(name)); });
      return details;
    }
    function follow() {
      for (const [name, details] of lines) {
        if (!box.items.includes(name)) {
          details.remove();
          lines.delete(name);
        }
      }
      for (const name of box.items) {
        if (!lines.has(name)) lines.set(name, line(name));
        list.append(lines.get(name));
      }
    }
    // Keep the focus in the text field: without it the box shrinks, and the line moves away before the button is released.
    list.addEventListener("mousedown", (event) => { if (event.target.closest("summary")) event.preventDefault(); });
    box.wrapper.after(list);
    box.on("change", follow);
    box.on("destroy", () => list.remove());
    follow();
  }

  window.addRoleDetails = (box, select) => {
    const pattern = select.closest("[data-role-url]")?.dataset.roleUrl;
    if (!pattern) return;
    const urlOf = (name) => pattern.replace("NAME", () => encoded(name));
    addPreview(box, urlOf);
    addChosen(box, urlOf);
  };
})();
