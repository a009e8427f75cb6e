// What htmx does not do: changes as they come, lines, the key that finds a job.
"use strict";

const RETRY = 2000, LINES_EVERY = 10000;
const byId = (id) => document.getElementById(id);
const charts = new Map();
let source = null, lastLines = 0;

function tell(text, state) {
  const live = byId("live");
  live.textContent = text;
  live.className = "live " + state;
}

// The part of the page that changes asks for itself anew on this event. The service sends one at the beginning of
// each connection, so what was missed while there was none is on the screen then.
function listen() {
  if (source || document.hidden) return;
  source = new EventSource("/live");
  source.addEventListener("change", () => {
    tell("live", "on");
    document.body.dispatchEvent(new Event("live"));
    if (Date.now() - lastLines > LINES_EVERY) draw();
  });
  source.addEventListener("error", () => {
    tell("no answer, trying again", "off");
    if (source && source.readyState === EventSource.CLOSED) {
      stop();
      setTimeout(checkSession, RETRY);
    }
  });
}

function stop() {
  if (source) source.close();
  source = null;
}

// A session that has ended needs a log-in; a service that is away comes back.
async function checkSession() {
  try {
    const answer = await fetch("/session", { redirect: "manual" });
    if (answer.type === "opaqueredirect") location.reload();
  } catch {
    // It is away.
  }
  listen();
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const COLOURS = { queued: "--warn", running: "--run", succeeded: "--good", dead: "--bad" };

function chart(place, names, data) {
  const axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
  const options = {
    width: place.clientWidth, height: 170, cursor: { y: false }, legend: { live: true },
    scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [axis, { ...axis, size: 60 }],
    series: [{}, ...names.map((name) => ({ label: name, stroke: colour(COLOURS[name]), width: 2, points: { show: false } }))],
  };
  place.replaceChildren();
  return new window.uPlot(options, data, place);
}

async function draw() {
  const places = document.querySelectorAll("[data-lines]");
  if (!places.length || !window.uPlot) return;
  lastLines = Date.now();
  const answer = await fetch("/lines");
  if (!answer.ok) return;
  const numbers = await answer.json();
  for (const place of places) {
    const names = place.dataset.lines.split(" ");
    const data = [numbers.at, ...names.map((name) => numbers[name])];
    if (charts.has(place)) charts.get(place).setData(data);
    else charts.set(place, chart(place, names, data));
  }
}

function redraw() {
  for (const made of charts.values()) made.destroy();
  charts.clear();
  draw();
}

// A link from elsewhere comes without the cookie, which a request of this page has.
async function enterIfLoggedIn(login) {
  const answer = await fetch("/session", { redirect: "manual" });
  if (answer.ok) location.replace(login.dataset.next);
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && byId("find")) {
    event.preventDefault();
    byId("find").focus();
  }
});

const ask = byId("ask");

async function send(route, body, dry) {
  const address = body ? route : route + (dry ? (route.includes("?") ? "&" : "?") + "dry_run=true" : "");
  const answer = await fetch(address, {
    method: "POST",
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify({ ...body, dry_run: dry }) : undefined,
  });
  const content = await answer.json();
  return answer.ok ? content.text : Promise.reject(new Error(content.error));
}

function confirmed(title, text) {
  byId("ask-title").textContent = title + "?";
  byId("ask-text").textContent = text;
  ask.returnValue = "no";
  ask.showModal();
  return new Promise((resolve) => ask.addEventListener("close", () => resolve(ask.returnValue === "yes"), { once: true }));
}

function say(text, failed) {
  const done = byId("done");
  done.textContent = text;
  done.hidden = false;
  done.classList.toggle("problem", failed);
}

// Many dead jobs take minutes: says how far it is.
async function followed(title, route, body, dry) {
  let going = true;
  const timer = setInterval(async () => {
    const answer = await fetch(route + "?event=" + encodeURIComponent(body.event)).catch(() => null);
    const content = answer?.ok && (await answer.json());
    if (going && content) say(title + ": " + content.text, false);
  }, 1000);
  try {
    return await send(route, body, dry);
  } finally {
    going = false;
    clearInterval(timer);
  }
}

// Says what an action would do, asks once, and says what it did.
async function act(title, route, body) {
  const sent = route.endsWith("/redrive") ? (dry) => followed(title, route, body, dry) : (dry) => send(route, body, dry);
  try {
    const text = await sent(true);
    byId("done").hidden = true;
    if (!(await confirmed(title, text))) return;
    say(title + ": " + (await sent(false)), false);
    document.body.dispatchEvent(new Event("live"));
  } catch (error) {
    say(title + ": " + error.message, true);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (!button) return;
  const { act: route, body } = button.dataset;
  act(button.getAttribute("aria-label"), route, body ? JSON.parse(body) : null);
});

// The values that were changed, and the one of a new field.
function metadataOf(form) {
  const changed = [...form.querySelectorAll("[data-was]")].filter((input) => input.value !== input.dataset.was);
  const [name, value] = ["name", "value"].map((part) => form.querySelector(`[data-new=${part}]`).value.trim());
  return Object.fromEntries([...changed.map((input) => [input.name, input.value]), ...(name ? [[name, value]] : [])]);
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-act]");
  if (!form) return;
  event.preventDefault();
  const metadata = metadataOf(form);
  const values = Object.entries(metadata).map((each) => each.join("=")).join(", ");
  const title = "Run " + form.dataset.of + " again" + (values ? " with " + values : "");
  act(title, form.dataset.act, { ...JSON.parse(form.dataset.body), metadata });
});

const login = document.querySelector("[data-next]");
if (login) {
  enterIfLoggedIn(login);
} else {
  listen();
  draw();
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : listen()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("resize", () => {
    for (const [place, made] of charts) made.setSize({ width: place.clientWidth, height: 170 });
  });
}
