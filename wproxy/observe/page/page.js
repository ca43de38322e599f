(() => {
  "use strict";
  const PACE = 2000, SPARING = 20, LONGEST = 10000, PATIENCE = 10000, SAID = 8000;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);
  const base = location.href.replace(/#.*/, "").replace(/;st=\w*/, "");
  document.documentElement.classList.add("script");
  // The script looks for news more often than "stats refresh" would load the page again, and loses no input.
  addEventListener("load", () => setTimeout(() => window.stop()));

  // -- news: what is shown is made like what has come, node by node, so that focus, ticks and open details stay ----

  const alike = (old, fresh) => old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && old.id === fresh.id;
  const OWN = new Set(["open", "checked"]);

  const become = (old, fresh) => {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    if (old.matches("form.weights") && dirty(old)) return;
    const untouched = old.nodeName === "INPUT" && "value" in fresh && old.value === old.defaultValue;
    for (const { name, value } of [...fresh.attributes])
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    if (untouched && old.value !== fresh.value) old.value = fresh.value;
    for (const { name } of [...old.attributes])
      if (!fresh.hasAttribute(name) && !OWN.has(name)) old.removeAttribute(name);
    const named = new Map(all(":scope > [id]", old).map((child) => [child.id, child]));
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      const known = next.id ? named.get(next.id) : null;
      if (known && known !== at) at = old.insertBefore(known, at);
      if (at && alike(at, next)) { become(at, next); at = at.nextSibling; }
      else old.insertBefore(document.importNode(next, true), at);
    }
    while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
  };

  const show = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const main = one("main", fresh);
    if (!main) throw new Error("no page");
    become(one("main"), main);
    document.body.classList.remove("stale");
    all("form.weights").forEach(shares);
    return fresh;
  };

  const ask = async (address, options = {}) => {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), PATIENCE);
    try {
      const answer = await fetch(address, { ...options, cache: "no-store", signal: patience.signal });
      if (!answer.ok) throw new Error(answer.status);
      return await answer.text();
    } finally { clearTimeout(timer); }
  };

  let timer = 0, silent = 0;
  const say = (html, lasting) => {
    clearTimeout(silent);
    one("#said").replaceChildren(...html);
    if (!lasting && html.length) silent = setTimeout(() => say([]), SAID);
  };
  const tell = (text, colour, lasting) => {
    const line = document.createElement("p");
    line.className = colour;
    line.textContent = text;
    say([line], lasting);
  };
  const stale = () => {
    if (!document.body.classList.contains("stale"))
      tell("No answer from the proxy since " + new Date().toLocaleTimeString() + ". Still asking …", "down", true);
    document.body.classList.add("stale");
  };

  const look = async () => {
    clearTimeout(timer);
    if (!one("#live").checked || document.hidden) return;
    let pace = PACE;
    const begun = performance.now();
    try {
      const text = await ask(base + ";tables"), was = document.body.classList.contains("stale");
      if (one("#live").checked) show(text);
      if (was) say([]);
      // Where there are thousands of servers the proxy has better things to do than to make this page. One slow answer
      // is no reason to be silent for minutes.
      pace = Math.min(LONGEST, Math.max(PACE, SPARING * (performance.now() - begun)));
    } catch { stale(); }
    clearTimeout(timer);
    timer = setTimeout(look, pace);
  };

  const post = async (fields) => {
    try {
      const fresh = show(await ask(base, { method: "POST", body: new URLSearchParams(fields) }));
      const said = [...one("#said", fresh).childNodes];
      say(said);
      return Boolean(one("#said .up"));
    } catch { stale(); return false; }
  };

  // -- weights: the share of each server while a slider moves --------------------------------------------------------

  const dirty = (form) => all("[name=w]", form).some((field) => field.value !== field.defaultValue);
  const percent = (share) => (100 * share).toFixed(1) + " %";

  const shares = (form) => {
    const lines = all(".weight", form);
    const section = form.closest("section");
    const rows = new Map(all("tr[data-server]", section).map((row) => [row.dataset.server, row]));
    // While a weight is as it was, the server's own reckoning stands.
    if (!dirty(form)) {
      lines.forEach((line) => {
        one(".was", line).hidden = true;
        one("output", line).textContent = line.dataset.share;
        one("rect", line).setAttribute("width", line.dataset.share.replace(" ", ""));
      });
      return;
    }
    const weights = lines.map((line) => {
      const row = rows.get(line.dataset.server);
      return row && row.dataset.part === "no" ? 0 : Number(one("[name=w]", line).value) || 0;
    });
    const whole = weights.reduce((sum, weight) => sum + weight, 0);
    lines.forEach((line, at) => {
      const share = whole ? weights[at] / whole : 0;
      one("output", line).textContent = percent(share);
      one("rect", line).setAttribute("width", percent(share).replace(" ", ""));
      one(".was", line).hidden = false;
    });
  };

  document.addEventListener("input", ({ target }) => {
    const form = target.closest("form.weights");
    if (!form) return;
    const line = target.closest(".weight"), field = one("[name=w]", line), slider = one("[type=range]", line);
    if (target === slider) field.value = slider.value; else slider.value = field.value;
    shares(form);
  });

  document.addEventListener("reset", ({ target }) => setTimeout(() => { shares(target); look(); }));

  // -- changes: asked about first where they take a server away ------------------------------------------------------

  const ASKED = {
    drain: ["Drain", "No new clients; the sessions it has go on."],
    maint: ["Set to maintenance", "No new clients, no health checks."],
    hnolb: ["Force to NOLB", "No new clients until a check passes."],
    hdown: ["Force down", "It counts as down until a check passes."],
    shutdown: ["Kill the sessions of", "All sessions are ended at once."],
  };

  const confirmed = (section, names, action) => new Promise((resolve) => {
    if (!ASKED[action] || !names.length) return resolve(true);
    const [verb, effect] = ASKED[action], dialog = one("#ask");
    const rows = all("tr[data-server]", section), chosen = rows.filter((row) => names.includes(row.dataset.server));
    const sessions = chosen.reduce((sum, row) => sum + Number(row.dataset.sessions), 0);
    const left = rows.filter((row) => !chosen.includes(row) && row.dataset.part !== "no" && Number(row.dataset.weight));
    const last = action !== "shutdown" && !left.length;
    one("h2", dialog).textContent = `${verb} ${names.join(", ")}?`;
    one("p", dialog).textContent = `${effect} ${sessions} ${sessions === 1 ? "session" : "sessions"} now.` +
      (last ? ` No active server of ${section.id} would be left.` : "");
    one("button.main", dialog).textContent = verb;
    dialog.returnValue = "";
    dialog.onclose = () => resolve(dialog.returnValue === "yes");
    dialog.showModal();
  });

  document.addEventListener("click", async ({ target }) => {
    if (target.matches(".all")) {
      all("[name=s]", target.form).forEach((box) => { box.checked = target.checked; });
      return;
    }
    const button = target.closest(".switch button");
    if (!button || button.getAttribute("aria-pressed") === "true") return;
    const section = button.closest("section"), name = button.closest("tr").dataset.server;
    if (await confirmed(section, [name], button.value))
      await post([["s", name], ["action", button.value], ["b", one("[name=b]", section).value]]);
  });

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    event.preventDefault();
    const fields = [...new FormData(form)], section = form.closest("section");
    const names = fields.filter(([key]) => key === "s").map(([, value]) => value);
    if (form.matches(".weights")) {
      all(".weight input", form).forEach((field) => { field.defaultValue = field.value; });
      if (!(await post(fields))) look();
      return;
    }
    const action = form.elements.namedItem("action").value;
    if (!(await confirmed(section, names, action))) return;
    if (await post(fields)) {
      all("[name=s], .all", form).forEach((box) => { box.checked = false; });
      form.elements.namedItem("action").value = "";
    }
  });

  // -- what the reader has chosen to see stays while the tab is open -------------------------------------------------

  const wide = one("#wide");
  try { wide.checked = sessionStorage.getItem("wide") === "yes"; } catch { /* no storage, no memory */ }
  wide.addEventListener("change", () => {
    try { sessionStorage.setItem("wide", wide.checked ? "yes" : "no"); } catch { /* the same */ }
  });
  one("#live").addEventListener("change", look);
  document.addEventListener("visibilitychange", look);
  if (/;st=/.test(location.href)) history.replaceState(null, "", base);
  all("form.weights").forEach(shares);
  timer = setTimeout(look, PACE);
})();
