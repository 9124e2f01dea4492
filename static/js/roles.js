// The roles box: Tom Select on a <select multiple>, which works without it.
"use strict";

(() => {
  const NOTES = { deprecated: "deprecated", reserved: "reserved", unknown: "doesn't exist" };

  function entry(kind, data, escape) {
    const state = data.$option?.dataset.state ?? "";
    const reason = data.$option?.dataset.reason || NOTES[state] || "";
    // Reserved is relevant only for options, not for selected roles.
    const isNoted = NOTES[state] && (kind === "option" || state !== "reserved");
    const note = isNoted ? `<small title="${escape(reason)}">${NOTES[state]}</small>` : "";
    return `<div class="${kind} ${kind}--${escape(state || "plain")}" title="${escape(data.value)}"><span>${escape(data.text)}</span>${note}</div>`;
  }

  // All words must be part of the name; names that start with the text come first, then the order of the list.
  function score(query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    return ({ value }) => {
      const name = value.toLowerCase();
      if (!words.every((word) => name.includes(word))) return 0;
      return words.length && name.startsWith(words[0]) ? 2 : 1;
    };
  }

  // superuser is never the first match, so that Enter doesn't select it by accident.
  const superuserLast = (a, b) => (a.value === "superuser") - (b.value === "superuser");

  function addToggle(box) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "icon-button roles-box__toggle", tabIndex: -1 });
    button.setAttribute("aria-label", "Show or hide the list of roles");
    button.dataset.testSubj = "comboBoxToggleListButton";
    button.innerHTML = '<svg viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.750" aria-hidden="true"><path d="m5.500 8 4.500 4.500L14.500 8"/></svg>';
    button.addEventListener("mousedown", (event) => event.preventDefault()); // keep the focus in the text field
    button.addEventListener("click", (event) => {
      event.stopPropagation();
      if (box.isOpen) box.close();
      else {
        box.focus();
        box.open();
      }
    });
    box.wrapper.append(button);
  }

  // A click anywhere in the box opens the dropdown, also on a selected role (Tom Select would highlight the role).
  function openOnItems(box) {
    box.control.addEventListener("click", (event) => {
      if (!event.target.closest(".item") || event.target.closest(".remove")) return;
      event.stopPropagation();
      box.focus();
    }, true);
  }

  // For a text with 16 equal letters in a row Tom Select lists all roles, and Enter would select the first.
  function listOnlyMatches(box) {
    const search = box.search;
    box.search = (query) => {
      const found = search.call(box, query);
      const matches = score(query);
      found.items = found.items.filter(({ id }) => matches(box.options[id]));
      return found;
    };
  }

  // Tom Select scrolls the list, but not the page, below whose end the list can be. Only for keys: under a pointer nothing moves.
  function followKeys(box) {
    const follow = () => {
      if (!box.isOpen) return;
      box.dropdown.scrollIntoView({ block: "nearest" });
      box.activeOption?.scrollIntoView({ block: "nearest" });
    };
    for (const type of ["keydown", "keyup"]) box.control_input.addEventListener(type, follow);
  }

  // A click elsewhere closes the dropdown when the button is released: the page gets shorter, and would move away under the
  // pointer between the two halves of a click.
  function closeAfterClick(box) {
    const listening = new AbortController();
    const listen = (type, listener) => document.addEventListener(type, listener, { capture: true, signal: listening.signal });
    const blur = box.onBlur;
    let isPressed = false;
    let isLeft = false;
    box.onBlur = (event) => {
      if (isPressed) isLeft = true;
      else blur.call(box, event);
    };
    listen("mousedown", (event) => { isPressed = event.button === 0 && !box.wrapper.contains(event.target); });
    const release = () => {
      isPressed = false;
      if (isLeft) setTimeout(() => blur.call(box)); // after the click
      isLeft = false;
    };
    listen("mouseup", release);
    listen("dragend", release);
    box.on("destroy", () => listening.abort());
  }

  function make(select) {
    const hadFocus = document.activeElement === select;
    [...select.options].sort(superuserLast).forEach((option) => select.append(option));
    const box = new TomSelect(select, {
      plugins: { remove_button: { label: "×", title: "Remove" } },
      wrapperClass: "ts-wrapper roles-box",
      refreshThrottle: 0, // with the default, Enter selects the first option of the previous list
      maxOptions: null,
      hideSelected: true,
      clearAfterSelect: true,
      score,
      create: false,
      placeholder: "Select roles",
      hidePlaceholder: true,
      render: {
        option: (data, escape) => entry("option", data, escape),
        item: (data, escape) => entry("item", data, escape),
        no_results: () => '<div class="no-results">No matching roles</div>',
      },
    });
    // Tom Select leaves the hidden <select> without an accessible name.
    select.setAttribute("aria-hidden", "true");
    box.wrapper.dataset.testSubj = "rolesDropdown";
    box.control_input.dataset.testSubj = "comboBoxSearchInput";
    for (const name of ["aria-describedby", "aria-invalid"]) {
      if (select.hasAttribute(name)) box.control_input.setAttribute(name, select.getAttribute(name));
    }
    // Links to the field, and the script that focuses an invalid one, lead to the hidden <select>.
    select.addEventListener("focus", () => box.control_input.focus());
    if (hadFocus) box.control_input.focus();
    listOnlyMatches(box);
    addToggle(box);
    openOnItems(box);
    addRoleDetails(box, select);
    followKeys(box);
    closeAfterClick(box);
    return box;
  }

  document.addEventListener("htmx:load", (event) => {
    event.detail.elt.querySelectorAll("select[data-roles-box]").forEach((select) => select.tomselect ?? make(select));
  });
  document.addEventListener("usermgmt:leave", (event) => {
    event.target.querySelectorAll("select[data-roles-box]").forEach((select) => select.tomselect?.destroy());
  });
})();
