// Renews the list while a run in it is going on. Nothing is touched that is as it was, so that nobody who reads is disturbed.
(() => {
  "use strict";
  setInterval(async () => {
    const answer = await fetch(location.href).catch(() => null);
    if (!answer || !answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    const main = document.querySelector("main");
    if (!fresh || fresh.innerHTML === main.innerHTML) return;
    const focused = document.activeElement && document.activeElement.getAttribute("href");
    main.replaceWith(document.adoptNode(fresh));
    if (focused) [...document.querySelectorAll("main a")].find((link) => link.getAttribute("href") === focused)?.focus({ preventScroll: true });
  }, 3000);
})();
