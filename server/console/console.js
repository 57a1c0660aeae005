// The page: sections, the model at hand, the token.
import * as api from "./api.js";
import { el, notice, replace } from "./dom.js";
import { LiveSection } from "./live.js";
import { ModelSection } from "./model.js";
import { TrySection } from "./try.js";

const READY_MS = 5000;
const NAMES = ["model", "try", "live"];
const byId = id => document.getElementById(id);

const trying = new TrySection(byId("try"));
const sections = {
  model: new ModelSection(byId("model"), { changed: () => trying.changed() }),
  try: trying,
  live: new LiveSection(byId("live")),
};
let model = null;

const chosen = () => (NAMES.includes(location.hash.slice(1)) ? location.hash.slice(1) : "model");

async function show() {
  const name = chosen();
  for (const other of NAMES) {
    const is = other === name;
    byId(other).hidden = !is;
    byId(`tab-${other}`).setAttribute("aria-selected", String(is));
    byId(`tab-${other}`).tabIndex = is ? 0 : -1;
  }
  if (name !== "live") sections.live.hide();
  try {
    if (name === "live") sections.live.show();
    else if (model !== null) await sections[name].show(model);
  } catch (refusal) {
    replace(byId(name), notice("bad", refusal.message));
  }
}

function tabs() {
  const list = NAMES.map(name => byId(`tab-${name}`));
  list.forEach((tab, at) => {
    tab.addEventListener("click", () => {
      history.pushState(null, "", `#${tab.dataset.section}`); // a set hash would take the focus from the tab
      show();
    });
    tab.addEventListener("keydown", event => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = list[(at + step + list.length) % list.length];
      next.focus();
      next.click();
    });
  });
  addEventListener("popstate", show);
}

function tokens() {
  const dialog = byId("token-dialog");
  byId("token-button").addEventListener("click", () => {
    byId("token").value = "";
    dialog.showModal();
  });
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "use") return;
    api.setToken(byId("token").value);
    byId("token").value = "";
    byId("token-button").classList.add("set");
    trying.name = null;
    show();
  });
}

async function watchReady() {
  const state = await api.isReady();
  const pill = byId("ready");
  if (pill.textContent !== state) pill.textContent = state;
  pill.className = `pill ${state === "ready" ? "good" : "bad"}`;
}

async function start() {
  tabs();
  tokens();
  watchReady();
  setInterval(watchReady, READY_MS);
  try {
    const names = (await api.models()).map(({ name }) => name);
    const select = byId("model-name");
    replace(select, names.map(name => el("option", {}, name)));
    byId("choose-model").hidden = names.length < 2;
    model = names[0] ?? null;
    select.addEventListener("change", () => {
      model = select.value;
      show();
    });
  } catch (refusal) {
    replace(byId("model"), notice("bad", refusal.message));
  }
  show();
}

start();
