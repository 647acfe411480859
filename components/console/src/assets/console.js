// The console: it reads what the service says about itself each two seconds, shows it, and passes on what the user wants
// changed. All text comes into the page as text, never as HTML.

const EVERY = 2000;
const SLOWEST = 10000;
const MODELS_EVERY = 30000;
const TIMEOUT = 10000;
const USUAL_MINUTES = 5;

const rule = document.documentElement.dataset.rule;
const prefix = location.pathname.endsWith(rule) ? location.pathname.slice(0, -rule.length) : "";
const root = location.origin + prefix;
const api = `${root}${rule.replace(/\/$/, "")}/api/`;

const byId = (id) => document.getElementById(id);

// What was read last.
const state = {
  service: null,
  stores: [],
  jobs: [],
  traffic: null,
  inMemory: "",
  modelsAt: 0,
  failures: 0,
  timer: 0,
  // Numbers of what was asked last: an answer that comes later than that to a newer question is left out.
  turn: 0,
  loads: 0,
};

// Making elements.

/** Returns an element with attributes, listeners (`onclick`) and children, where texts become text. */
function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Puts elements into the place of others; what had the focus has it again. */
function put(place, ...children) {
  const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
  place.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
  if (focused) byId(focused)?.focus({ preventScroll: true });
}

function say(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

// Numbers and times.

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 4 });
const count = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const shownNumber = (value) => (isNumber(value) ? number.format(value) : "–");
const shownCount = (value) => (isNumber(value) ? (value < 10000 ? number.format(value) : count.format(value)) : "–");

function rate(value) {
  return value >= 100 ? number.format(Math.round(value)) : number.format(Math.round(value * 10) / 10);
}

function milliseconds(value) {
  if (!isNumber(value)) return "–";
  if (value >= 1000) return `${number.format(Math.round(value / 10) / 100)} s`;
  return `${value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)} ms`;
}

/** Returns a round number of milliseconds, as it stands at an axis. */
function roundMilliseconds(value) {
  return value >= 1000 ? `${number.format(value / 1000)} s` : `${number.format(value)} ms`;
}

function seconds(value) {
  if (!isNumber(value)) return "–";
  if (value < 0.1) return `${(value * 1000).toFixed(0)} ms`;
  if (value < 60) return `${value.toFixed(1)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
  return `${Math.floor(value / 3600)} h ${Math.round((value % 3600) / 60)} min`;
}

function bytes(value) {
  if (!isNumber(value)) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.floor(Math.log2(Math.max(value, 1)) / 10), units.length - 1);
  return `${number.format(Math.round((value / 1024 ** power) * 10) / 10)} ${units[power]}`;
}

function ago(date) {
  const passed = (Date.now() - date) / 1000;
  if (passed < 60) return "just now";
  if (passed < 3600) return `${Math.floor(passed / 60)} min ago`;
  if (passed < 86400) return `${Math.floor(passed / 3600)} h ago`;
  return `${Math.floor(passed / 86400)} d ago`;
}

/** Returns a time as an element, or its text where it is none. */
function time(text) {
  const date = Date.parse(text);
  if (Number.isNaN(date)) return el("span", {}, text ? String(text) : "–");
  return el("time", { datetime: text, title: dateTime.format(date) }, ago(date));
}

// Asking the service.

class Refused extends Error {
  constructor(status, message, answer) {
    super(message);
    this.status = status;
    this.answer = answer;
  }
}

async function ask(url, options = {}) {
  const signal = AbortSignal.timeout(options.patience ?? TIMEOUT);
  const response = await fetch(url, { cache: "no-store", credentials: "same-origin", signal, ...options });
  const text = await response.text();
  let answer = null;
  try {
    answer = JSON.parse(text);
  } catch {
    // A proxy or a decorator may answer with text.
  }
  if (response.ok && answer !== null) return answer;
  const said = answer?.error_message ?? answer?.metadata?.error_message ?? text.slice(0, 300).trim();
  throw new Refused(response.status, said || `status ${response.status}`, answer);
}

const read = (name) => ask(api + name);

function change(name, body) {
  const headers = { "content-type": "application/json", "x-palladium-console": "1" };
  return ask(api + name, { method: "POST", headers, body: JSON.stringify(body) });
}

const reason = (error) => (error instanceof Refused ? error.message : "the service does not answer");

/** Shows a message until it is closed; good ones go by themselves, and when there is a new one. */
function tell(text, isGood) {
  const messages = byId("messages");
  if (isGood) messages.querySelectorAll(".good").forEach((old) => old.remove());
  const close = el("button", { type: "button", "aria-label": "Close this message", onclick: () => message.remove() }, "✕");
  const message = el("div", { class: `message ${isGood ? "good" : "bad"}` }, el("p", {}, text), close);
  messages.prepend(message);
  while (messages.children.length > 4) messages.lastChild.remove();
  if (isGood) setTimeout(() => !message.contains(document.activeElement) && message.remove(), 12000);
}

/** Does what a button is for: it cannot be pressed again meanwhile, and what goes wrong is told. */
async function act(button, work) {
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    tell(`That did not work: ${reason(error)}.`, false);
  } finally {
    button.disabled = false;
    if (document.activeElement === document.body) byId(button.id)?.focus();
  }
}

/** Opens a dialog and returns whether it was answered with yes. */
function answered(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

// The rhythm.

async function tick() {
  clearTimeout(state.timer);
  if (document.hidden) return;
  state.turn += 1;
  const { turn } = state;
  try {
    await look(turn);
  } finally {
    const pause = Math.min(EVERY * 2 ** Math.min(state.failures, 3), SLOWEST);
    if (!document.hidden && turn === state.turn) state.timer = setTimeout(tick, pause);
  }
}

async function look(turn) {
  const query = new URLSearchParams({ minutes: byId("minutes").value || USUAL_MINUTES, route: byId("route").value });
  const [traffic, jobs] = await Promise.allSettled([read(`traffic?${query}`), read("jobs")]);
  if (turn !== state.turn) return;
  if (traffic.status === "fulfilled") {
    await arrived(traffic.value, jobs);
  } else {
    state.failures += 1;
    const error = traffic.reason;
    showState("lost", error instanceof Refused ? `Refused: ${error.message}` : "No connection, trying again");
  }
}

async function arrived(traffic, jobs) {
  const isNew = state.traffic === null;
  const hasRestarted = !isNew && traffic.started !== state.traffic.started;
  state.failures = 0;
  showState("live", "Live");
  if (hasRestarted) tell("The service has been started anew.", true);
  state.traffic = traffic;
  drawTraffic(traffic);
  const wereRunning = state.jobs.filter((job) => job.status === "running").map((job) => job.id);
  if (jobs.status === "fulfilled") {
    state.jobs = Object.values(jobs.value.jobs ?? {}).reverse();
    drawJobs();
  } else {
    put(byId("job-list"), el("p", { class: "note bad" }, `The jobs cannot be shown: ${reason(jobs.reason)}.`));
  }
  const isOver = state.jobs.some((job) => wereRunning.includes(job.id) && job.status !== "running");
  const inMemory = JSON.stringify(traffic.in_memory);
  drawAnswering();
  const isOld = Date.now() - state.modelsAt > MODELS_EVERY;
  if (state.service === null || hasRestarted || isOver || isOld || inMemory !== state.inMemory) {
    state.inMemory = inMemory;
    await load();
  }
}

/** Reads what changes rarely. */
async function load() {
  state.loads += 1;
  const { loads } = state;
  const [service, models] = await Promise.allSettled([read("service"), read("models")]);
  if (loads !== state.loads) return;
  if (service.status === "fulfilled") {
    const before = JSON.stringify(state.service?.services);
    state.service = service.value;
    drawService(before !== JSON.stringify(service.value.services));
  }
  if (models.status === "fulfilled") {
    state.modelsAt = Date.now();
    state.stores = models.value.stores ?? [];
    drawModels();
  } else {
    put(byId("stores"), el("p", { class: "note bad" }, `The models cannot be shown: ${reason(models.reason)}.`));
  }
}

function showState(kind, text) {
  byId("state").className = `state ${kind}`;
  say("state-text", text);
}

// The service.

function drawService(isForm) {
  const { unmet, version } = state.service;
  say("about", `Palladium ${version}`);
  byId("fit").hidden = unmet.fit !== null;
  byId("fit-unmet").hidden = unmet.fit === null;
  say("fit-unmet", unmet.fit === null ? "" : `No fit can be started here: ${unmet.fit}.`);
  drawMinutes(state.service.minutes);
  if (isForm) drawServices();
}

function drawMinutes(choices) {
  const select = byId("minutes");
  if (select.options.length > 0) return;
  put(select, choices.map((minutes) => el("option", { value: minutes, selected: minutes === USUAL_MINUTES }, `last ${minutes} min`)));
}

// The models.

const changeable = () => state.stores.find((store) => store.is_changeable);

function scoreName(name) {
  const words = name.replace(/^score_?/, "").replaceAll("_", " ").trim();
  return words ? `${words[0].toUpperCase()}${words.slice(1)} score` : "Score";
}

function drawModels() {
  const stores = state.stores.map(storeElement);
  const empty = el("p", { class: "empty" }, "The configuration has no store of models.");
  put(byId("stores"), stores.length > 0 ? stores : empty);
  const store = changeable();
  drawTilesOf(store);
  const rollback = byId("rollback");
  const previous = store?.previous ?? null;
  rollback.hidden = previous === null || state.service?.unmet.activate !== null;
  rollback.textContent = previous === null ? "Roll back" : `Roll back to version ${previous} …`;
  const refresh = byId("refresh");
  refresh.hidden = state.service === null || state.service.unmet.refresh !== null;
  drawActivations(store);
}

function drawTilesOf(store) {
  const active = store?.models?.find((model) => model.version === store.active);
  say("tile-version", store?.active ? String(store.active) : "none");
  say("tile-version-more", active?.created ? `trained ${ago(Date.parse(active.created))}` : " ");
  const scores = active?.scores ?? {};
  const name = "score_test" in scores ? "score_test" : Object.keys(scores)[0];
  say("tile-score-name", name ? scoreName(name) : "Test score");
  say("tile-score", name ? shownNumber(scores[name]) : "–");
  const other = name === "score_test" && isNumber(scores.score_train) ? `train ${shownNumber(scores.score_train)}` : " ";
  say("tile-score-more", other);
}

function storeElement(store) {
  const title = state.stores.length > 1 ? el("h3", {}, store.key) : null;
  if (store.error) return el("div", { class: "store" }, title, el("p", { class: "note bad" }, `${store.key}: ${store.error}.`));
  const notes = [];
  if (store.is_cached && store.in_memory !== store.active) {
    const loaded = store.in_memory === null ? "no model is loaded" : `version ${store.in_memory} still answers`;
    const now = store.active === null ? "no version is active" : `version ${store.active} is active`;
    notes.push(el("p", { class: "note" }, `In the store ${now}, and ${loaded}.`));
  }
  if (store.refresh?.failing_since) {
    const text = ["Looking for a new model fails since ", time(store.refresh.failing_since), "; the log says why."];
    notes.push(el("p", { class: "note bad" }, ...text));
  }
  if (store.models.length === 0) {
    return el("div", { class: "store" }, title, notes, el("p", { class: "empty" }, "There is no model yet."));
  }
  return el("div", { class: "store" }, title, notes, modelsTable(store), facts(store));
}

function facts(store) {
  const parts = [];
  const hidden = store.n_models - store.models.length;
  if (hidden > 0) parts.push(`${shownCount(hidden)} older versions are not shown.`);
  if (store.refresh?.last) parts.push("Looked for a new model ", time(store.refresh.last), ". ");
  if (store.is_changeable && !store.is_cached) parts.push("No model is kept in memory: a version that is activated answers at once. ");
  if (!store.is_changeable) parts.push("Only versions of model_persister can be activated here.");
  return parts.length > 0 ? el("p", { class: "facts" }, ...parts) : null;
}

function modelsTable(store) {
  const names = [...new Set(store.models.flatMap((model) => Object.keys(model.scores)))].sort().slice(0, 4);
  const head = el("tr", {},
    el("th", { scope: "col" }, "Version"),
    el("th", { scope: "col", class: "minor" }, "Trained"),
    names.map((name, index) => el("th", { scope: "col", class: index > 0 ? "number minor" : "number" }, scoreName(name))),
    el("th", { scope: "col", class: "number minor" }, "Fit took"),
    el("th", { scope: "col", class: "number minor" }, "Rows"),
    el("th", { scope: "col", class: "number minor" }, "Size"),
    el("th", { scope: "col" }, el("span", { class: "unseen" }, "Actions")));
  const rows = store.models.map((model) => modelRow(store, model, names));
  const label = state.stores.length > 1 ? `Versions in ${store.key}` : "Versions";
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    el("table", {}, el("thead", {}, head), el("tbody", {}, rows)));
}

function modelRow(store, model, names) {
  const isActive = model.version === store.active;
  const badge = isActive
    ? el("span", { class: "badge good" }, "active")
    : model.version === store.previous ? el("span", { class: "badge plain" }, "previous") : null;
  const detail = el("button", {
    type: "button",
    class: "small",
    id: `detail-${store.key}-${model.version}`,
    "aria-label": `Details of version ${model.version}`,
    onclick: (event) => act(event.currentTarget, () => showDetail(store, model.version)),
  }, "Details");
  const activate = store.is_changeable && !isActive && state.service?.unmet.activate === null
    ? el("button", {
        type: "button",
        class: "small",
        id: `activate-${model.version}`,
        "aria-label": `Activate version ${model.version}`,
        onclick: (event) => act(event.currentTarget, () => activateVersion(store, model.version, "Activate")),
      }, "Activate …")
    : null;
  return el("tr", { class: isActive ? "active" : null },
    el("th", { scope: "row", class: "version" }, String(model.version ?? "–"), badge ? " " : null, badge),
    el("td", { class: "minor" }, time(model.created)),
    names.map((name, index) => el("td", { class: index > 0 ? "number minor" : "number" }, shownNumber(model.scores[name]))),
    el("td", { class: "number minor" }, seconds(model.fit_seconds)),
    el("td", { class: "number minor" }, shownCount(model.rows)),
    el("td", { class: "number minor" }, bytes(model.size)),
    el("td", { class: "buttons" }, detail, activate));
}

async function activateVersion(store, version, verb) {
  const of = (wanted) => store.models.find((model) => model.version === wanted);
  const names = [...new Set([version, store.active].flatMap((wanted) => Object.keys(of(wanted)?.scores ?? {})))].sort();
  const row = (label, wanted) => el("tr", {},
    el("th", { scope: "row" }, wanted === null ? "none" : `${wanted} (${label})`),
    el("td", {}, time(of(wanted)?.created)),
    names.map((name) => el("td", { class: "number" }, shownNumber(of(wanted)?.scores[name]))));
  const table = el("table", {},
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Version"), el("th", { scope: "col" }, "Trained"),
      names.map((name) => el("th", { scope: "col", class: "number" }, scoreName(name))))),
    el("tbody", {}, row("now", store.active), row("then", version)));
  say("confirm-title", `${verb} version ${version}?`);
  put(byId("confirm-text"), el("p", {}, "From then on this version answers predictions."), table);
  say("confirm-yes", `${verb} version ${version}`);
  if (!await answered(byId("confirm"))) return;
  await change("activate", { version, active: store.active });
  tell(`Version ${version} is the active one.`, true);
  await load();
}

async function showDetail(store, version) {
  const query = new URLSearchParams({ store: store.key, version });
  const detail = await read(`model?${query}`);
  say("detail-title", `Version ${version}`);
  const { lineage, ...metadata } = detail.metadata;
  const simple = Object.entries(metadata).filter(([, value]) => typeof value !== "object" || value === null);
  const deep = Object.entries(metadata).filter(([, value]) => typeof value === "object" && value !== null);
  const pairs = simple.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))]);
  const files = (detail.attachments ?? []).map((file) => el("li", {}, `${file.name}, ${bytes(file.size)}`));
  const block = (title, value) => el("div", {}, el("h3", {}, title),
    el("pre", { tabindex: 0, role: "region", "aria-label": title }, JSON.stringify(value, null, 2)));
  put(byId("detail-text"),
    el("dl", {}, pairs),
    files.length > 0 ? el("div", {}, el("h3", {}, "Files"), el("ul", {}, files)) : null,
    deep.map(([name, value]) => block(name, value)),
    lineage === undefined ? null : block("What it came from", lineage));
  await answered(byId("detail"));
}

function drawActivations(store) {
  const place = byId("activations");
  if (!store?.history) {
    const text = store ? "The store keeps no history, or it cannot be read." : "There is no store whose history is shown here.";
    return put(place, el("p", { class: "empty" }, text));
  }
  if (store.history.length === 0) return put(place, el("p", { class: "empty" }, "No version has been activated yet."));
  const name = (version) => (version === null ? "none" : `version ${version}`);
  const items = store.history.map((entry) => el("li", {},
    el("div", { class: "row" },
      el("strong", { class: "grow" }, `${name(entry.from)} → ${name(entry.to)}`),
      el("span", { class: "quiet" }, time(entry.time))),
    el("p", { class: "quiet" }, `by ${entry.principal}, ${entry.command}`)));
  const isLong = items.length > 6;
  put(place, el("ol", { class: isLong ? "list long" : "list", tabindex: isLong ? 0 : null, id: "activation-list" }, items));
}

// The jobs.

const JOB_NAMES = { "palladium.server.fit": "Fit", "palladium.server.update_model_cache": "Look for a new model" };
const JOB_STATES = { running: "plain", finished: "good", error: "bad", cancelled: "warn" };
const PHASES = { load: "loading data", fit: "fitting", evaluate: "scoring", write: "storing", activate: "activating" };

function drawJobs() {
  const running = state.jobs.filter((job) => job.status === "running");
  say("tile-jobs", String(running.length));
  say("tile-jobs-more", running.length > 0 ? jobName(running[0]) : state.jobs.length > 0 ? `last one: ${state.jobs[0].status}` : "none so far");
  const newest = state.jobs[0];
  if (newest) {
    const phase = newest.phase ? `, ${PHASES[newest.phase.name] ?? newest.phase.name}` : "";
    say("progress", `${jobName(newest)}: ${newest.status}${phase}${newest.info ? `, ${newest.info}` : ""}`);
  }
  const items = state.jobs.slice(0, 50).map(jobElement);
  const isLong = items.length > 4;
  const list = el("ol", { class: isLong ? "list long" : "list", tabindex: isLong ? 0 : null, id: "job-items" }, items);
  const top = byId("job-items")?.scrollTop ?? 0;
  put(byId("job-list"), items.length > 0 ? list : el("p", { class: "empty" }, "No job has been started since the service began."));
  list.scrollTop = top;
}

const jobName = (job) => JOB_NAMES[job.func] ?? job.func;

function jobElement(job) {
  const isRunning = job.status === "running";
  const cancel = isRunning && job.func === "palladium.server.fit"
    ? el("button", {
        type: "button",
        class: "small",
        id: `cancel-${job.id}`,
        onclick: (event) => act(event.currentTarget, async () => {
          await change("cancel", { id: job.id });
          tell("The fit was asked to stop. It does so at the end of the step that it is at.", true);
          await tick();
        }),
      }, "Cancel")
    : null;
  const phases = Object.entries(job.phases ?? {}).map(([name, value]) =>
    el("li", {}, `✓ ${PHASES[name] ?? name} ${seconds(value)}`));
  if (job.phase) phases.push(el("li", { class: "now" }, `${PHASES[job.phase.name] ?? job.phase.name} ${seconds(job.phase.seconds)}`));
  return el("li", { "data-job": job.id, "data-status": job.status },
    el("div", { class: "row" },
      el("strong", {}, jobName(job)),
      el("span", { class: `badge ${JOB_STATES[job.status] ?? "plain"}` }, job.status),
      el("span", { class: "quiet grow" }, time(job.started), `, ${isRunning ? "for" : "took"} ${seconds(job.seconds)}`),
      cancel),
    phases.length > 0 ? el("ol", { class: "phases" }, phases) : null,
    isRunning ? el("progress", { "aria-label": `${jobName(job)} is running` }) : null,
    job.info ? el("p", { class: "quiet" }, job.info) : null);
}

async function startFit() {
  const form = byId("fit-form");
  form.reset();
  byId("fit-activate").disabled = false;
  if (!await answered(byId("fit-dialog"))) return;
  const options = {
    evaluate: byId("fit-evaluate").checked,
    persist: byId("fit-persist").checked,
    activate: byId("fit-persist").checked && byId("fit-activate").checked,
  };
  const better = byId("fit-better").value;
  if (better !== "") options.persist_if_better_than = Number(better);
  await change("fit", options);
  tell("The fit has begun.", true);
  await tick();
}

// The traffic.

const SERIES = {
  requests: [["requests", "answered"]],
  errors: [["failed", "failed"], ["refused", "refused"]],
  latency: [["p50", "p50"], ["p95", "p95"], ["p99", "p99"]],
};

function drawTraffic(traffic) {
  drawRoutes(traffic);
  const window = `last ${traffic.minutes} min`;
  const { requests, refused, failed, p95 } = traffic.total;
  const where = byId("route").value || "all routes";
  say("tile-requests", shownCount(requests));
  say("tile-requests-more", `${window}, ${where}`);
  say("tile-errors", shownCount(failed + refused));
  say("tile-errors-more", `${shownCount(failed)} failed, ${shownCount(refused)} refused`);
  say("tile-latency", milliseconds(p95));
  say("tile-latency-more", `${window}, ${where}`);
  const charts = [
    ["chart-requests", "Requests per second", SERIES.requests, rate, (value) => number.format(value)],
    ["chart-errors", "Errors per second", SERIES.errors, rate, (value) => number.format(value)],
    ["chart-latency", "Time until the answer", SERIES.latency, milliseconds, roundMilliseconds],
  ];
  // Before the service began there was nothing, which is not the same as no request.
  const hasBegun = (_, index) => traffic.begin + (index + 1) * traffic.step > traffic.started;
  for (const [id, title, series, format, mark] of charts) {
    const lines = series.map(([key, label]) => ({
      label,
      values: traffic[key].map((value, index) => (hasBegun(value, index) ? value : null)),
    }));
    drawChart(byId(id), title, lines, format, mark, traffic);
  }
}

function drawRoutes(traffic) {
  const select = byId("route");
  const names = traffic.routes.map((route) => route.route);
  const options = [...select.options].slice(1).map((option) => option.value);
  if (JSON.stringify(names) !== JSON.stringify(options)) {
    const chosen = select.value;
    select.replaceChildren(el("option", { value: "" }, "all routes"), ...names.map((name) => el("option", { value: name }, name)));
    select.value = names.includes(chosen) ? chosen : "";
  }
  const seen = traffic.routes.filter((route) => route.requests > 0).sort((a, b) => b.requests - a.requests);
  const rows = seen.map((route) => el("tr", {},
    el("th", { scope: "row" }, route.route),
    el("td", { class: "number" }, shownCount(route.requests)),
    el("td", { class: "number" }, shownCount(route.refused)),
    el("td", { class: "number" }, shownCount(route.failed)),
    el("td", { class: "number minor" }, route.samples > 0 ? shownCount(route.samples) : "–"),
    el("td", { class: "number minor" }, milliseconds(route.p50)),
    el("td", { class: "number" }, milliseconds(route.p95)),
    el("td", { class: "number minor" }, milliseconds(route.p99))));
  const none = el("tr", {}, el("td", { colspan: 8, class: "quiet" }, `There was no request in the last ${traffic.minutes} min.`));
  put(byId("routes"), rows.length > 0 ? rows : none);
}

/** Returns a round number that is not below a value. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((digit) => digit * power).find((candidate) => candidate >= value * (1 - 1e-9));
}

function drawChart(figure, title, lines, format, mark, { begin, step, minutes }) {
  const [width, height, left, right, top, bottom] = [Math.max(figure.clientWidth, 220), 128, 52, 6, 6, 20];
  const values = lines.flatMap((line) => line.values).filter(isNumber);
  const highest = Math.max(...values, 0);
  const most = highest > 0 ? roundUp(highest) : 1;
  const n = lines[0].values.length;
  const x = (index) => left + ((width - left - right) * index) / Math.max(n - 1, 1);
  const y = (value) => top + (height - top - bottom) * (1 - value / most);
  const at = (index) => clock.format((begin + index * step) * 1000);
  const last = (line) => line.values.findLast(isNumber);

  const parts = [];
  for (const value of [0, most / 2, most]) {
    parts.push(svg("line", { class: value === 0 ? "axis" : "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }));
    parts.push(svg("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, highest > 0 || value === 0 ? mark(value) : ""));
  }
  for (const [index, anchor] of [[0, "start"], [Math.floor((n - 1) / 2), "middle"], [n - 1, "end"]]) {
    parts.push(svg("text", { x: x(index), y: height - 5, "text-anchor": anchor }, at(index)));
  }
  lines.forEach((line, order) => parts.push(...drawLine(line.values, order, lines.length === 1, x, y)));
  const summary = lines.map((line) => `${line.label} ${isNumber(last(line)) ? format(last(line)) : "none"}`).join(", ");
  const label = `${title}, last ${minutes} min. Last: ${summary}. Highest: ${highest > 0 ? format(highest) : "none"}.`;
  const image = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, parts);

  const legend = el("ul", { class: "legend" }, lines.map((line, order) => el("li", {},
    svg("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" }, svg("line", { class: `line series-${order}`, x1: 1, x2: 21, y1: 4, y2: 4 })),
    line.label, el("b", {}, isNumber(last(line)) ? format(last(line)) : "–"))));
  const caption = el("figcaption", {}, el("strong", {}, title), legend);
  const old = figure.querySelector("details");
  const details = old ?? el("details", {}, el("summary", {}, "As a table"), el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${title} as a table` }));
  if (!old) details.addEventListener("toggle", () => state.traffic && drawTraffic(state.traffic));
  const table = details.querySelector(".scroll");
  if (details.open) table.replaceChildren(chartTable(lines, at, format));
  else table.replaceChildren();
  if (old) {
    figure.querySelector("figcaption").replaceWith(caption);
    figure.querySelector(":scope > svg").replaceWith(image);
  } else {
    figure.replaceChildren(caption, image, details);
  }
}

/** Returns the strokes of a line, which has gaps where there is no value. */
function drawLine(values, order, hasArea, x, y) {
  const strokes = [];
  let points = [];
  const end = () => {
    const path = points.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" L");
    if (points.length === 1) {
      strokes.push(svg("circle", { class: `point series-${order}`, cx: points[0][0], cy: points[0][1], r: 2 }));
    } else if (points.length > 1) {
      const [first, final] = [points[0][0], points[points.length - 1][0]];
      if (hasArea) strokes.push(svg("path", { class: `area series-${order}`, d: `M${path} L${final},${y(0)} L${first},${y(0)} Z` }));
      strokes.push(svg("path", { class: `line series-${order}`, d: `M${path}` }));
    }
    points = [];
  };
  values.forEach((value, index) => (isNumber(value) ? points.push([x(index), y(value)]) : end()));
  end();
  return strokes;
}

function chartTable(lines, at, format) {
  const head = el("tr", {}, el("th", { scope: "col" }, "Time"), lines.map((line) => el("th", { scope: "col", class: "number" }, line.label)));
  const rows = lines[0].values.map((_, index) => index).filter((index) => lines.some((line) => line.values[index]));
  const body = rows.reverse().map((index) => el("tr", {},
    el("th", { scope: "row" }, at(index)),
    lines.map((line) => el("td", { class: "number" }, isNumber(line.values[index]) ? format(line.values[index]) : "–"))));
  if (body.length === 0) return el("p", { class: "empty" }, "Nothing happened.");
  return el("table", {}, el("thead", {}, head), el("tbody", {}, body));
}

// The form of a prediction.

const TYPES = {
  float: "number",
  int: "whole number",
  bool: "yes or no",
  text: "text",
  category: "text",
  date: "date",
  timestamp: "time",
  timestamp_utc: "time in UTC",
};
const isNumeric = (type) => type === "float" || type === "int";
const isYes = (value) => ["true", "t", "yes", "1"].includes(String(value).trim().toLowerCase());

/** Returns a value of a sample as the field of a type shows it. */
function written(value, type) {
  const text = String(value);
  return isNumeric(type) && !/^-?\d+$/.test(text) ? String(Number(value)) : text;
}

function drawServices() {
  const { services } = state.service;
  const select = byId("service");
  const chosen = select.value;
  put(select, services.map((service) => el("option", { value: service.key }, `${service.key} (${service.path})`)));
  if (services.some((service) => service.key === chosen)) select.value = chosen;
  byId("services").hidden = services.length < 2;
  drawForm();
}

const chosenService = () => state.service?.services.find((service) => service.key === byId("service").value);

function drawForm() {
  const form = byId("prediction");
  const service = chosenService();
  byId("curl").hidden = true;
  put(byId("answer"));
  drawAnswering();
  if (!service) return put(form, el("p", { class: "empty" }, "The configuration has no predict service."));
  const before = JSON.stringify([service.signature, service.sample]);
  if (form.dataset.service === service.key && form.dataset.signature === before) return;
  form.dataset.service = service.key;
  form.dataset.signature = before;
  const submit = el("button", { class: "primary", id: "predict-now" }, "Predict");
  if (!service.signature) {
    const label = el("label", { for: "body" }, "Body of the request, a list of samples in JSON");
    const area = el("textarea", { id: "body", rows: 6 }, "[{}]");
    return put(form, el("div", { class: "field" }, label, area), el("div", { class: "actions" }, submit));
  }
  const { fields, parameters } = service.signature;
  const example = el("button", { type: "button", id: "example", onclick: fillExamples }, "Fill in examples");
  put(form,
    el("div", { class: "fields" }, fields.map((field, index) => fieldElement(field, `field-${index}`, written(service.sample[field.name], field.type)))),
    parameters.length > 0
      ? el("fieldset", {}, el("legend", {}, "Parameters, which may be left out"),
          el("div", { class: "fields" }, parameters.map((field, index) => fieldElement(field, `parameter-${index}`, null))))
      : null,
    el("div", { class: "actions" }, submit, example));
}

/** Says which version answers, where that is known. */
function drawAnswering() {
  const persister = chosenService()?.persister;
  const version = state.traffic?.in_memory[persister] ?? null;
  byId("answering").hidden = version === null;
  say("answering", version === null ? "" : `Version ${version} of ${persister} answers.`);
}

/** Returns a field of the form; one without an example may be left out. */
function fieldElement(field, id, example) {
  const isOptional = example === null;
  const wrong = el("span", { class: "wrong", id: `${id}-wrong`, hidden: true });
  const common = { id, "aria-describedby": `${id}-wrong`, "data-type": field.type, "data-name": field.name };
  const label = el("label", { for: id }, field.name, " ", el("span", {}, TYPES[field.type] ?? field.type));
  if (field.type === "bool" && !isOptional) {
    return el("div", { class: "field check" }, el("input", { type: "checkbox", ...common }), label, wrong);
  }
  if (field.type === "bool") {
    const options = [["", "left out"], ["true", "yes"], ["false", "no"]];
    return el("div", { class: "field" }, label,
      el("select", common, options.map(([value, text]) => el("option", { value }, text))), wrong);
  }
  const input = el("input", {
    ...common,
    type: isNumeric(field.type) ? "number" : "text",
    step: field.type === "float" ? "any" : field.type === "int" ? "1" : null,
    placeholder: example ?? "left out",
    required: !isOptional,
    autocomplete: "off",
  });
  return el("div", { class: "field" }, label, input, wrong);
}

function fillExamples() {
  const { sample } = chosenService();
  for (const input of byId("prediction").querySelectorAll("[id^='field-'][data-type]")) {
    const { name, type } = input.dataset;
    if (input.type === "checkbox") input.checked = isYes(sample[name]);
    else if (input.value === "") input.value = written(sample[name], type);
    complain(input, "");
  }
}

function complain(input, text) {
  const wrong = byId(`${input.id}-wrong`);
  if (!wrong) return;
  wrong.textContent = text;
  wrong.hidden = text === "";
  if (text === "") input.removeAttribute("aria-invalid");
  else input.setAttribute("aria-invalid", "true");
}

/** Returns what a field holds, and complains where that cannot be. */
function valueOf(input) {
  const { type } = input.dataset;
  complain(input, "");
  if (input.type === "checkbox") return input.checked;
  const isOptional = !input.required;
  if (input.validity.badInput) complain(input, "has to be a number");
  else if (input.value === "" && !isOptional && isNumeric(type)) complain(input, "has to be given");
  else if (type === "int" && !/^\s*[-+]?\d*\s*$/.test(input.value)) complain(input, "has to be a whole number");
  if (isNumeric(type)) {
    const value = Number(input.value);
    // A large whole number would not be the same as a JavaScript number.
    return type === "int" && !Number.isSafeInteger(value) ? input.value.trim() : value;
  }
  return input.value;
}

async function predict(event) {
  event.preventDefault();
  const service = chosenService();
  if (!service) return;
  const form = byId("prediction");
  const inputs = (start) => [...form.querySelectorAll(`[id^='${start}'][data-name]`)];
  const [fields, parameters] = [inputs("field-"), inputs("parameter-")];
  const sample = Object.fromEntries(fields.map((input) => [input.dataset.name, valueOf(input)]));
  const query = new URLSearchParams();
  for (const input of parameters) {
    valueOf(input);
    if (input.value !== "") query.append(input.dataset.name, input.value);
  }
  if (focusFirstWrong(form)) return;
  const body = service.signature ? JSON.stringify([sample]) : byId("body").value;
  const url = root + service.path + (query.size > 0 ? `?${query}` : "");
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  say("curl-text", `curl ${quoted(url)} --header 'content-type: application/json' --data ${quoted(body)}`);
  byId("curl").hidden = false;
  const button = byId("predict-now");
  button.disabled = true;
  const started = performance.now();
  try {
    const options = { method: "POST", headers: { "content-type": "application/json" }, body, patience: 60000 };
    const answer = await ask(url, options);
    showAnswer(service, answer, performance.now() - started);
  } catch (error) {
    showRefusal(error, [...fields, ...parameters]);
  } finally {
    button.disabled = false;
    if (!focusFirstWrong(form) && document.activeElement === document.body) button.focus();
  }
}

function focusFirstWrong(form) {
  const wrong = form.querySelector("[aria-invalid='true']");
  wrong?.focus();
  return wrong !== null;
}

function showAnswer(service, answer, took) {
  const result = Array.isArray(answer.result) && answer.result.length === 1 ? answer.result[0] : answer.result;
  const version = answer.metadata?.model_version;
  const by = version === undefined ? "" : ` by version ${version}`;
  const about = el("p", { class: "quiet" }, `Answered${by} in ${milliseconds(took)}, the way here included.`);
  if (service.signature?.probabilities && Array.isArray(result)) {
    put(byId("answer"), el("h3", {}, "Probabilities"), probabilityList(service, result), about);
  } else {
    const text = typeof result === "string" ? result : JSON.stringify(result);
    put(byId("answer"), el("h3", {}, "Prediction"), el("p", { class: "result", id: "result" }, text), about);
  }
}

function probabilityList(service, values) {
  const most = Math.max(...values.filter(isNumber));
  return el("ul", { class: "bars" }, values.map((value, index) => {
    const name = String(service.classes?.[index] ?? `class ${index + 1}`);
    const share = isNumber(value) ? value : 0;
    const filled = el("div", { class: "fill" });
    filled.style.width = `${Math.max(0, Math.min(100, share * 100))}%`;
    return el("li", { class: value === most ? "most" : null },
      el("span", { class: "name", title: name }, name),
      el("div", { class: "track", "aria-hidden": "true" }, filled),
      el("span", { class: "number" }, isNumber(value) ? `${(share * 100).toFixed(1)} %` : "–"));
  }));
}

/** Shows why a prediction was refused, at the fields that the answer names. */
function showRefusal(error, inputs) {
  const message = reason(error).replace(/^BadRequest: (sample 1: )?/, "");
  const details = error instanceof Refused ? error.answer?.metadata?.errors : null;
  if (Array.isArray(details)) {
    for (const input of inputs) {
      const own = details.find((detail) => detail?.field === input.dataset.name);
      if (own) complain(input, own.expected ? `has to be ${own.expected}, got ${own.got}` : String(own.code ?? message));
    }
  } else {
    const named = inputs.find((input) => message.includes(`\`${input.dataset.name}\``));
    if (named) complain(named, message);
  }
  put(byId("answer"), el("p", { class: "note bad" }, `No prediction: ${message}`));
}

// The beginning.

byId("prediction").addEventListener("submit", predict);
byId("service").addEventListener("change", drawForm);
for (const button of document.querySelectorAll("dialog [data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close(""));
}
byId("route").addEventListener("change", tick);
byId("minutes").addEventListener("change", tick);
byId("fit").addEventListener("click", (event) => act(event.currentTarget, startFit));
byId("fit-persist").addEventListener("change", () => {
  byId("fit-activate").disabled = !byId("fit-persist").checked;
});
byId("refresh").addEventListener("click", (event) => act(event.currentTarget, async () => {
  await change("refresh", {});
  await tick();
}));
byId("rollback").addEventListener("click", (event) => act(event.currentTarget, async () => {
  const store = changeable();
  await activateVersion(store, store.previous, "Roll back to");
}));
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    clearTimeout(state.timer);
    showState("", "Paused");
  } else {
    tick();
  }
});
let drawnWidth = 0;
new ResizeObserver(([{ contentRect }]) => {
  if (contentRect.width === drawnWidth || state.traffic === null) return;
  drawnWidth = contentRect.width;
  requestAnimationFrame(() => drawTraffic(state.traffic));
}).observe(byId("traffic"));
tick();
