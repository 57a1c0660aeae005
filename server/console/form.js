// A request as a form. The form edits the request object itself, so that what it does not show is kept.
import { el, replace } from "./dom.js";

const SHOWN_EVENTS = 50;

const idOf = candidate => (typeof candidate === "object" ? candidate.item : candidate);
const asId = text => (/^(0|-?[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text);
const asValue = text => (text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text);

/** Sets a member, or removes it where the value is undefined. */
function set(object, key, value) {
  if (value === undefined) delete object[key];
  else object[key] = value;
}

function numberField(request, changed, key, label, step) {
  const input = el("input", { type: "number", min: step, step, value: request[key] ?? "", oninput: () => {
    set(request, key, input.value === "" ? undefined : Number(input.value));
    changed();
  } });
  return el("label", {}, label, input);
}

function candidates(request, changed) {
  const counter = el("span", { class: "muted" });
  const count = () => { counter.textContent = ` ${(request.candidates || []).length}`; };
  const area = el("textarea", { rows: "5", spellcheck: "false", id: "form-candidates",
    value: (request.candidates || []).map(idOf).join("\n"), oninput: () => {
      const known = new Map((request.candidates || []).map(candidate => [String(idOf(candidate)), candidate]));
      request.candidates = area.value.split(/[\n,]/).map(text => text.trim()).filter(text => text !== "")
        .map(text => known.get(text) ?? asId(text));
      count();
      changed();
    } });
  count();
  return el("div", {}, el("label", { for: "form-candidates" }, "Candidates", counter), area,
    el("p", { class: "muted small" }, "One id a line. Features of a candidate are kept, and seen under JSON."));
}

/** Editable rows of names and values: the user's features. */
function features(request, changed) {
  const body = el("div", { class: "pairs" });
  const entries = () => Object.entries((request.user && request.user.features) || {});
  const write = pairs => {
    request.user = { ...request.user, features: Object.fromEntries(pairs.filter(([key]) => key !== "")) };
    changed();
  };
  const draw = () => replace(body, entries().map(([key, value], at) => el("div", { class: "row pair" },
    el("label", { class: "grow", for: `feature-${at}` }, key),
    el("input", { id: `feature-${at}`, value: String(value), oninput: event => write(entries().map(entry =>
      (entry[0] === key ? [key, asValue(event.target.value)] : entry))) }),
    el("button", { type: "button", class: "quiet icon", "aria-label": `Remove ${key}`, onclick: () => {
      write(entries().filter(entry => entry[0] !== key));
      draw();
    } }, "×"))));
  const name = el("input", { placeholder: "feature", "aria-label": "Name of a feature to add" });
  const add = () => {
    if (name.value.trim() === "") return;
    write([...entries(), [name.value.trim(), 0]]);
    name.value = "";
    draw();
  };
  draw();
  return el("details", { class: "plain" }, el("summary", {}, `User’s features (${entries().length})`), body,
    el("div", { class: "row" }, name, el("button", { type: "button", class: "quiet", onclick: add }, "Add")));
}

function eventRow(event, at, { changed, remove }) {
  const input = (key, label, read, shown) => el("input", {
    "aria-label": `${label} of event ${at + 1}`, placeholder: label, value: shown(event[key]), oninput: change => {
      set(event, key, change.target.value.trim() === "" ? undefined : read(change.target.value.trim()));
      changed();
    } });
  const actions = text => (text.includes(",") ? text.split(",").map(word => word.trim()).filter(Boolean) : text);
  const plain = value => (value === undefined || value === null ? "" : String(value));
  return el("div", { class: "event" },
    input("item", "item", asId, plain),
    input("action", "actions", actions, value => (Array.isArray(value) ? value.join(", ") : plain(value))),
    input("watch_ms", "watched ms", Number, plain), input("duration_ms", "of ms", Number, plain),
    el("button", { type: "button", class: "quiet icon", "aria-label": `Remove event ${at + 1}`, onclick: remove },
      "×"));
}

function history(request, changed) {
  const body = el("div", {});
  const events = () => request.history || [];
  const title = el("summary", {});
  const draw = () => {
    const from = Math.max(0, events().length - SHOWN_EVENTS);
    title.textContent = `History (${events().length}), the newest first`;
    replace(body, events().slice(from).map((event, at) => eventRow(event, from + at, { changed, remove: () => {
      request.history = events().filter(other => other !== event);
      changed();
      draw();
    } })).reverse());
  };
  draw();
  return el("details", { class: "plain", open: events().length > 0 && events().length < 8 }, title, body,
    el("button", { type: "button", class: "quiet", onclick: () => {
      request.history = [...events(), { item: "" }];
      draw();
    } }, "Add an event"));
}

/** The form of a request; changed() is called after each edit. */
export function requestForm(request, changed) {
  const user = el("input", { value: (request.user && request.user.id) ?? "", oninput: () => {
    request.user = { ...request.user };
    set(request.user, "id", user.value === "" ? undefined : user.value);
    changed();
  } });
  return el("div", { class: "form" },
    el("div", { class: "fields" }, el("label", {}, "User’s id", user),
      numberField(request, changed, "top_k", "Best only", "1"),
      numberField(request, changed, "budget_ms", "Budget, ms", "any")),
    candidates(request, changed), history(request, changed), features(request, changed));
}
