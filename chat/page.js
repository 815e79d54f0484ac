// What the page does without the server: on a narrow screen it turns between the two sheets,
// and a citation into a post that is not open opens it first.
(() => {
  const turn = (sheet) => {
    document.getElementById("room").classList.toggle("essay", sheet === "essay");
    for (const button of document.querySelectorAll("#tabs button"))
      button.setAttribute("aria-pressed", String(button.dataset.sheet === sheet));
  };
  const goTo = (id) => {
    turn("essay");
    history.replaceState(null, "", location.pathname + location.search); // the same hash again lights again
    location.hash = "#" + encodeURIComponent(id);
  };
  const pick = (scope, tell) => {
    turn("discussion");
    tell({ scope });
    document.querySelector("#ask textarea")?.focus();
  };
  let awaited = "";
  window.rejoinder = {
    // A click in one of our HTML parts: `tell` hands it to the server.
    clicked(event, tell) {
      if (event.target.closest("a[href^='http']")) return; // a link out of the essay
      const at = event.target.closest("[data-scope],[data-ask],[data-sheet],a[href^='#'],.passage");
      if (!at) return;
      if (at.dataset.sheet) return turn(at.dataset.sheet);
      if (at.dataset.ask) return tell({ ask: at.dataset.ask });
      if (at.dataset.scope) { return pick(at.dataset.scope, tell); }
      if (at.matches("a")) {
        const id = decodeURIComponent(at.getAttribute("href").slice(1));
        event.preventDefault();
        if (document.getElementById(id)) return goTo(id);
        awaited = id;
        return tell({ open: id });
      }
      if (String(getSelection()) === "") pick(at.id, tell);
    },
    // The essay was drawn anew: a citation that waited for it can be followed now.
    drawn() {
      if (awaited && document.getElementById(awaited)) { const id = awaited; awaited = ""; goTo(id); }
    },
    // The discussion grew: keep its end in view, unless the reader scrolled up.
    grew() {
      const log = document.getElementById("log");
      if (log && log.scrollHeight - log.scrollTop - log.clientHeight < 240) log.scrollTop = log.scrollHeight;
    },
  };
})();
