// The live part of the board: the queue keeps itself fresh, clocks tick, keys work. No page needs it.
"use strict";
(() => {
  const body = document.body;
  const queue = document.getElementById("queue");
  const one = document.getElementById("case");
  const news = document.getElementById("news");
  const lost = document.getElementById("lost");
  const csrf = body.dataset.csrf;
  const SILENCE_MS = 5000;
  let ahead = queue ? Date.now() / 1000 - Number(queue.dataset.now) : 0;
  let heard = Date.now();
  const old = lost.textContent;
  let trouble = "";

  const minutes = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
  const long = (s) => (s / 3600 < 48 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} days`);
  function due(left) {
    const size = Math.abs(left);
    if (left < 0 && size < 60) return `${Math.floor(size)} s late`;
    const text = size < 3600 ? minutes(size) : long(size);
    return left < 0 ? `${text} late` : `due in ${text}`;
  }
  const over = new Set();
  function tick() {
    const now = Date.now() / 1000 - ahead;
    for (const each of document.querySelectorAll("[data-due]")) {
      const left = Number(each.dataset.due) - now;
      each.textContent = due(left);
      each.classList.toggle("over", left < 0);
    }
    if (!queue) return;
    for (const link of queue.querySelectorAll(".case a")) {
      const late = link.querySelector(".due").classList.contains("over");
      if (late && !over.has(link.id)) { over.add(link.id); if (ready) ring(330); }
    }
    const silent = Date.now() - heard > SILENCE_MS;
    const said = silent ? old : trouble || old;
    if (lost.textContent !== said) lost.textContent = said;
    lost.hidden = !silent && !trouble;
    body.classList.toggle("stale", !lost.hidden);
    // a browser gives a stream up for good that was answered with an error
    if (events && events.readyState === EventSource.CLOSED && Date.now() - asked > SILENCE_MS) { listen(); changed(); }
  }

  // sound only after somebody switched it on: browsers and offices want it so
  const button = document.getElementById("sound");
  let audio = null;
  function ring(hertz) {
    if (!audio) return;
    const tone = audio.createOscillator(), volume = audio.createGain();
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0.15, audio.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.6);
    tone.connect(volume).connect(audio.destination);
    tone.start(); tone.stop(audio.currentTime + 0.6);
  }
  function sounds(on) {
    audio = on ? audio || new AudioContext() : null;
    if (audio) audio.resume();
    button.setAttribute("aria-pressed", String(on));
    button.textContent = on ? "Sound on" : "Sound off";
    try { localStorage.setItem("sound", on ? "1" : ""); } catch { /* private windows keep nothing */ }
  }

  let ready = false;
  const ids = () => new Set([...queue.querySelectorAll(".case a")].map((a) => a.id));
  async function refresh() {
    const answer = await fetch(`/queue?case=${one ? one.dataset.case : ""}`, { headers: { "x-piece": "1" } });
    if (answer.status === 401) { location.reload(); return; }
    if (!answer.ok) return;
    const before = ids(), held = document.activeElement && queue.contains(document.activeElement) ? document.activeElement.id : "";
    queue.innerHTML = await answer.text();
    if (held) document.getElementById(held)?.focus({ preventScroll: true });
    tick();
    const fresh = [...queue.querySelectorAll(".case a")].filter((a) => !before.has(a.id));
    const open = queue.querySelector("#summary").dataset.open;
    document.title = (open !== "0" ? `(${open}) ` : "") + "sered";
    if (ready && fresh.length) {
      const where = fresh[0].querySelector(".where").textContent;
      news.textContent = fresh.length > 1 ? `${fresh.length} new cases` : `New case: ${where}`;
      ring(660);
    }
    ready = true;
  }
  let pending = 0, running = false;
  async function changed() {
    if (pending) return;
    // many changes become one look, and many pages do not look at the same moment
    pending = setTimeout(async () => {
      pending = 0;
      if (running) { changed(); return; }
      running = true;
      try { await refresh(); await beside(); } catch { /* the stream says when central is gone */ }
      running = false;
    }, 50 + Math.random() * 200);
  }
  let events = null, asked = 0;
  function listen() {
    asked = Date.now();
    events = new EventSource("/stream");
    const on = (name, does) => events.addEventListener(name, (event) => { heard = Date.now(); does(event); });
    on("changed", changed);
    on("beat", () => {});
    on("trouble", (event) => { trouble = event.data; tick(); });
    on("well", () => { trouble = ""; tick(); changed(); });
  }
  // the case beside: never under somebody's hands
  function handled() {
    const typing = one.contains(document.activeElement) && /INPUT|TEXTAREA|SELECT/.test(document.activeElement.tagName);
    const touched = [...one.querySelectorAll("textarea, input[type=tel], input[type=radio]")].some((e) => (e.type === "radio" ? e.checked !== e.defaultChecked : e.value));
    return typing || touched || one.querySelector("[data-shown]");
  }
  async function beside() {
    if (!one || handled()) return;
    const answer = await fetch(`/case/${one.dataset.case}`, { headers: { "x-piece": "1" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("case");
    // a hand may have come while the answer was on its way
    if (handled()) return;
    if (page && page.dataset.version !== one.dataset.version) {
      const held = one.contains(document.activeElement);
      one.innerHTML = page.innerHTML;
      one.dataset.version = page.dataset.version;
      if (page.dataset.lease) one.dataset.lease = page.dataset.lease; else delete one.dataset.lease;
      if (held) document.getElementById("main").focus({ preventScroll: true });
      tick();
    }
  }
  function lease() {
    if (!one || !one.dataset.lease) return;
    fetch(`/case/${one.dataset.case}/renew`, {
      method: "POST", headers: { "x-piece": "1", "content-type": "application/x-www-form-urlencoded" }, body: new URLSearchParams({ csrf }),
    }).then((answer) => { if (answer.status === 409 || answer.status === 403) changed(); }).catch(() => {});
  }

  function move(step) {
    const links = [...queue.querySelectorAll(".case a")];
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    const from = at >= 0 ? at : links.findIndex((a) => a.getAttribute("aria-current"));
    links[Math.min(Math.max(from + step, 0), links.length - 1)].focus();
  }
  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && one && !document.querySelector("dialog[open]")) { location.href = "/"; return; }
    if (/INPUT|TEXTAREA|SELECT/.test(event.target.tagName)) return;
    const does = {
      j: () => move(1),
      k: () => move(-1),
      c: () => document.querySelector("button.claim")?.click(),
      o: () => { const place = document.getElementById("outcome"); place?.scrollIntoView(); place?.focus(); },
      "?": () => document.getElementById("help")?.showModal(),
    }[event.key];
    if (does) { event.preventDefault(); does(); }
  }

  // what a form answered is the case's page: to load it again must not send the form again
  if (one && location.pathname !== `/case/${one.dataset.case}`) history.replaceState(null, "", `/case/${one.dataset.case}`);
  const drop = document.getElementById("drop");
  if (drop) {
    const file = drop.querySelector("input[type=file]");
    drop.addEventListener("dragover", (event) => event.preventDefault());
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length) { file.files = event.dataTransfer.files; drop.requestSubmit(); }
    });
  }
  if (!queue) return;
  button.hidden = false;
  button.addEventListener("click", () => sounds(!audio));
  try { if (localStorage.getItem("sound")) sounds(true); } catch { /* private windows keep nothing */ }
  document.addEventListener("keydown", key);
  listen();
  setInterval(tick, 1000);
  tick();
  lease();
  setInterval(lease, Math.max(5, Number(one?.dataset.lease || 90) / 3) * 1000);
})();
