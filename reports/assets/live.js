// Renews the page of a run that is going on: whenever the server says that there is more, the page is asked for again
// and its parts are put in place of the old ones. What is open stays open, and what is zoomed stays zoomed.
(() => {
  "use strict";
  if (!window.EventSource) return void setTimeout(() => location.reload(), 5000);
  const details = () => [...document.querySelectorAll("main details")];
  // What a reader would call the same thing in the next page, although another node stands for it.
  const name = (node) => [node.closest("[id]")?.id, node.tagName, (node.closest("label") || node.querySelector("summary") || node).textContent].join("\n");
  const focusable = () => [...document.querySelectorAll("header a[href], main :is(a[href], button, input, summary, [tabindex])")];
  let busy = false;
  let wanted = false;
  async function renew() {
    if (busy) return void (wanted = true);
    busy = true;
    try {
      const answer = await fetch(location.href);
      if (!answer.ok) return;
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const open = new Map(details().map((one) => [name(one), one.open]));
      const focused = focusable().includes(document.activeElement) && name(document.activeElement);
      for (const part of ["header", "main"]) {
        const fresh = next.querySelector(part);
        if (fresh) document.querySelector(part).replaceWith(document.adoptNode(fresh));
      }
      for (const one of details()) one.open = open.get(name(one)) ?? one.open;
      if (window.richterRenew) window.richterRenew();
      if (focused) focusable().find((one) => name(one) === focused)?.focus({ preventScroll: true });
    } finally {
      busy = false;
      if (wanted) {
        wanted = false;
        renew();
      }
    }
  }
  const source = new EventSource("events");
  let first = true;
  source.addEventListener("renewed", () => {
    // The page is as new as the first word.
    if (first) return void (first = false);
    renew();
  });
  source.addEventListener("over", () => {
    source.close();
    // The run file is written a moment after the journal ends.
    setTimeout(() => location.reload(), 700);
  });
})();
