// Renews the page of a run that is going on: whenever the server says that there is more, the page is asked for again
// and its parts are put in place of the old ones. What is open stays open, and what is zoomed stays zoomed.
(() => {
  "use strict";
  if (!window.EventSource) return void setTimeout(() => location.reload(), 5000);
  const opened = () => [...document.querySelectorAll("main details")].map((one) => one.open);
  let busy = false;
  let wanted = false;
  async function renew() {
    if (busy) return void (wanted = true);
    busy = true;
    try {
      const answer = await fetch(location.href);
      if (!answer.ok) return;
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const open = opened();
      const focused = document.activeElement && document.activeElement.id;
      for (const part of ["header", "main"]) {
        const fresh = next.querySelector(part);
        if (fresh) document.querySelector(part).replaceWith(document.adoptNode(fresh));
      }
      const details = [...document.querySelectorAll("main details")];
      if (details.length === open.length) details.forEach((one, at) => { one.open = open[at]; });
      if (window.richterRenew) window.richterRenew();
      if (focused && document.getElementById(focused)) document.getElementById(focused).focus();
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
