// Writes into the address what is clicked: tab, example and line-up. Back and Forward click it again.
() => {
  const query = () => new URLSearchParams(location.search);
  const known = () => ["tab", "example", "lineup"].map((name) => query().get(name) || "").join("|");
  let last = known();
  let replaying = false;

  const write = (name, value) => {
    if (replaying || query().get(name) === value) return;
    const changed = query();
    changed.set(name, value);
    history.pushState(null, "", `?${changed}`);
    last = known();
  };

  const parts = [
    // [parameter, what is clicked, its value, what to click for a value]
    ["tab", "[role=tab][id^='tab-']", (each) => each.id.replace(/^tab-(.*?)-button$/, "$1"), (value) => `#tab-${value}-button`],
    ["example", "[id^='example-']", (each) => each.id.replace("example-", ""), (value) => `#example-${value}`],
    ["lineup", "#lineup-name input", (each) => each.value, (value) => `#lineup-name input[value='${value}']`],
  ];

  document.addEventListener("click", (event) => {
    for (const [name, selector, value] of parts) {
      const hit = event.target.closest && event.target.closest(selector);
      if (hit && !hit.disabled) write(name, value(hit));
    }
  });
  document.addEventListener("own-picture", () => write("example", "")); // `wiring.OWN`: chosen, dropped, pasted, or taken away
  // Chosen here, a picture takes the place of the one that is shown: gradio would have that removed first. While it waits
  // for a picture to be pasted there is nothing to choose one with, until its own button is pressed.
  const choose = (again) => {
    const input = document.querySelector("#upload input[type=file]");
    if (input) return input.click();
    document.querySelector("#upload button[aria-label='Upload file']")?.click();
    if (again) setTimeout(choose, 200);
  };
  document.addEventListener("click", (event) => {
    if (!event.target.closest) return;
    if (event.target.closest("#choose")) choose(true);
    // These two take turns: the one that is pressed goes, and the keyboard's focus must not go with it.
    if (event.target.closest("#trace, #stop")) document.querySelector("#choose")?.focus({ preventScroll: true });
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("#lineup-name input")) write("lineup", event.target.value);
  });

  const scroll = (selector) => document.querySelector(selector)?.scrollIntoView({ block: "start" });
  window.addEventListener("popstate", () => {
    const before = last.split("|");
    last = known();
    const after = last.split("|");
    replaying = true;
    parts.forEach(([name, , , target], place) => {
      if (before[place] === after[place]) return;
      const fallback = { tab: "inversion", lineup: "real" }[name];
      const value = after[place] || fallback || document.querySelector("[id^='example-']")?.id.replace("example-", "");
      if (/^[\w-]+$/.test(value || "")) document.querySelector(target(value))?.click();
    });
    replaying = false;
  });

  // Gradio gives the two pictures of the map's slider no words.
  const told = ["The picture, with the crops outlined that the detector looked at", "Map of where the detector sees marks"];
  new MutationObserver(() => {
    document.querySelectorAll("#map img").forEach((image, place) => {
      if (!image.alt) image.alt = told[place % 2];
    });
  }).observe(document.body, { childList: true, subtree: true });

  // An address that names a tab scrolls to it, once it is there.
  const asked = query().get("tab");
  if (asked) {
    let left = 100;
    const look = setInterval(() => {
      const chosen = document.querySelector("[role=tab][aria-selected=true]");
      if (chosen && (chosen.id !== "tab-inversion-button" || asked === "inversion")) {
        scroll("[role=tablist]");
        left = 0;
      }
      if (--left < 0) clearInterval(look);
    }, 100);
  }
}
