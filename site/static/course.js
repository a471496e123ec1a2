// What the pages do by themselves: light and dark, folds that a link leads into, wide things that scroll, the filter of mistakes.
(() => {
  const root = document.documentElement;
  // Results without excerpts where the browser may not read other files.
  if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  const openTo = (element) => {
    for (let at = element; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  };
  const followHash = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    openTo(target);
    target.scrollIntoView();
  };

  const reachable = () => {
    for (const box of document.querySelectorAll(".wide-figure, .scrolls, div.math, .pst-scrollable-table-container, .cell_output, mjx-container, pre")) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };

  const otherMode = () => {
    for (const button of document.querySelectorAll(".light-or-dark")) button.dataset.mode = root.dataset.theme === "dark" ? "light" : "dark";
  };

  const filter = () => {
    const input = document.getElementById("mistake-filter");
    if (!input) return;
    const items = [...document.querySelectorAll(".symptom, .all-mistakes li, .bd-article tbody tr")];
    const holders = [...document.querySelectorAll(".bank, .bd-article section section")];
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let found = 0;
      for (const item of items) {
        const text = item.textContent.toLowerCase();
        item.hidden = !words.every((word) => text.includes(word));
        found += words.length && !item.hidden ? 1 : 0;
      }
      for (const holder of holders) {
        const inside = items.filter((item) => holder.contains(item));
        holder.hidden = words.length > 0 && inside.every((item) => item.hidden);
        if (holder.tagName === "DETAILS") holder.open = words.length > 0 && !holder.hidden;
      }
      document.getElementById("mistake-filter-count").textContent = words.length ? `${found} found` : "";
    });
  };

  // Paper has no folds: what is closed is opened for printing, and closed again.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")].filter((fold) => !fold.closest(".exercise-help"));
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => opened.forEach((fold) => (fold.open = false)));

  addEventListener("DOMContentLoaded", () => {
    otherMode();
    new MutationObserver(otherMode).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
    filter();
    followHash();
    reachable();
  });
  addEventListener("load", () => (window.MathJax?.startup?.promise ?? Promise.resolve()).then(reachable));
  addEventListener("hashchange", followHash);
  addEventListener("resize", reachable);
  document.addEventListener("toggle", reachable, true);
})();
