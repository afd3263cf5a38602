// Model, voice, system message and how answers are heard; remembered in this browser, except the system message.

import * as api from './api.js';
import { byId, h } from './dom.js';

const KEPT = ['model', 'voice', 'other', 'spoken', 'autoplay', 'speed', 'theme'];
const OTHER = '…';
const STORE = 'audiochat-playground';

/** The settings of the page. `state` is what the server says of itself. */
export class Settings {
  constructor(player, state) {
    Object.assign(this, { player, state });
    this.fields = Object.fromEntries([...KEPT, 'system'].map((name) => [name, byId(name)]));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.changed());
    this.fill();
    this.load();
    for (const name of KEPT) this.fields[name].addEventListener('change', () => this.changed());
    byId('choice').addEventListener('click', () => this.open(true));
    byId('settings-open').addEventListener('click', () => this.open(byId('settings').hidden));
    byId('settings-close').addEventListener('click', () => this.open(false));
    byId('shade').addEventListener('click', () => this.open(false));
    this.changed();
  }

  fill() {
    const { provider, model, voice, voices, one_model: oneModel } = this.state;
    byId('model-label').textContent = provider === 'azure' ? 'Deployment' : 'Model';
    this.fields.model.placeholder = model;
    this.fields.model.disabled = oneModel;
    byId('model-hint').textContent = oneModel ? 'The local engine has one model; AUDIOCHAT_LOCAL_LLM brings another.' : '';
    const groups = voices.map(({ title, names }) => {
      const options = names.filter((name) => name !== voice).map((name) => h('option', {}, name));
      return title ? [h('optgroup', { label: title }, ...options)] : options;
    });
    this.fields.voice.replaceChildren(h('option', { value: '' }, voice), ...groups.flat(),
      h('option', { value: OTHER }, 'Another…'));
  }

  /** What there is to choose from, asked of the service when the settings are opened. */
  async listModels() {
    if (this.listed || this.state.one_model) return;
    this.listed = true;
    const names = await api.models().catch(() => []);
    byId('models').replaceChildren(...names.map((name) => h('option', { value: name })));
  }

  load() {
    let kept = {};
    try {
      kept = JSON.parse(localStorage.getItem(STORE) ?? '{}');
    } catch { /* private windows have no store */ }
    for (const name of KEPT) {
      if (kept[name] === undefined || (name === 'model' && (this.state.one_model || kept.at !== this.state.provider))) continue;
      if (this.fields[name].type === 'checkbox') this.fields[name].checked = kept[name] === true;
      else this.fields[name].value = kept[name];
    }
    if (this.fields.voice.selectedIndex < 0) this.fields.voice.value = ''; // another provider's
  }

  changed() {
    const kept = { at: this.state.provider };
    for (const name of KEPT) {
      const field = this.fields[name];
      kept[name] = field.type === 'checkbox' ? field.checked : field.value.trim();
    }
    try {
      localStorage.setItem(STORE, JSON.stringify(kept));
    } catch { /* see above */ }
    this.player.setSpeed(Number(kept.speed) || 1);
    if (kept.theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = kept.theme;
    document.dispatchEvent(new Event('appearance'));
    this.fields.autoplay.disabled = !kept.spoken;
    byId('voice-other-field').hidden = kept.voice !== OTHER;
    const voice = kept.spoken ? this.voice || this.state.voice : 'text alone';
    byId('choice').textContent = `${kept.model || this.state.model} · ${voice}`;
  }

  get voice() {
    return this.fields[this.fields.voice.value === OTHER ? 'other' : 'voice'].value.trim();
  }

  get spoken() {
    return this.fields.spoken.checked;
  }

  get autoplay() {
    return this.fields.autoplay.checked;
  }

  /** The system message that a conversation remembers. */
  setSystem(text) {
    this.fields.system.value = text ?? '';
  }

  forRequest() {
    return {
      model: this.fields.model.value.trim() || null,
      voice: this.voice || null,
      system: this.fields.system.value.trim(),
      spoken: this.spoken,
    };
  }

  open(open) {
    byId('settings').hidden = !open;
    if (open) this.listModels();
    byId('settings-open').setAttribute('aria-expanded', String(open));
    document.body.classList.toggle('settings-open', open);
    byId('shade').hidden = !(open || document.body.classList.contains('sessions-open'));
    if (open) this.fields[this.state.one_model ? 'voice' : 'model'].focus({ preventScroll: true });
    else if (byId('settings').contains(document.activeElement)) byId('settings-open').focus();
  }
}
