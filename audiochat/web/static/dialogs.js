// What is asked and shown in front of the page: a new name, whether to remove, the request as text, the keys.

import * as api from './api.js';
import { byId, copy, h, icon } from './dom.js';

function open(title, ...content) {
  byId('dialog-title').textContent = title;
  byId('dialog-body').replaceChildren(...content);
  byId('dialog').showModal();
}

const close = () => byId('dialog').close();

function said(error) {
  return [error.message, error.hint].filter(Boolean).join(' ');
}

/** Ask for another name; `done(name)` when the server took it. */
export function rename(name, done) {
  const input = h('input', { value: name, maxlength: 64, autocomplete: 'off', spellcheck: 'false' });
  const wrong = h('p', { class: 'wrong', role: 'alert' });
  const form = h('form', {}, h('label', { class: 'field' }, h('span', {}, 'Name'), input,
    h('small', {}, 'Letters, digits, - and _; other signs become -. It is the name for converse --session as well.')),
  wrong, h('p', { class: 'dialog-foot' }, h('button', { class: 'solid' }, 'Rename')));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const plain = input.value.trim().normalize('NFC');
    const to = [...plain.replace(/[^\p{L}\p{N}\p{M}_-]+/gu, '-').replace(/^[-_]+|-+$/g, '')].slice(0, 64).join('');
    try {
      if (!to) throw new Error('A name needs a letter or a digit.');
      await api.renameSession(name, to);
      close();
      done(to);
    } catch (error) {
      wrong.textContent = said(error);
    }
  });
  open('Rename the conversation', form);
  input.select();
}

/** Ask whether to remove; `done()` when it is gone. */
export function remove(name, done) {
  const wrong = h('p', { class: 'wrong', role: 'alert' });
  const confirm = h('button', { type: 'button', class: 'solid bad' }, 'Remove');
  confirm.addEventListener('click', async () => {
    try {
      await api.removeSession(name);
      close();
      done();
    } catch (error) {
      wrong.textContent = said(error);
    }
  });
  open('Remove the conversation', h('p', {}, `“${name}” and its sound will be gone, on the command line too.`), wrong,
    h('p', { class: 'dialog-foot' }, h('button', { type: 'button', class: 'text', onclick: close }, 'Keep it'), confirm));
}

/** Show the request that a turn would be. */
export async function showRequest(turn) {
  const code = h('pre', { tabindex: 0 }, 'One moment…');
  const foot = h('p', { class: 'dialog-foot' });
  const tabs = h('div', { class: 'tabs', role: 'group', 'aria-label': 'Form' });
  open('The request', h('p', { class: 'hint' }, 'What the next question sends, with what was said before. No key is in it.'), tabs, code, foot);
  let told;
  try {
    told = await api.requestAsText(await turn);
  } catch (error) {
    code.textContent = said(error);
    return;
  }
  const button = h('button', { type: 'button', class: 'text', onclick: () => copy(code.textContent, button) }, icon('copy'), 'Copy');
  const file = URL.createObjectURL(new Blob([told.json], { type: 'application/json' }));
  byId('dialog').addEventListener('close', () => URL.revokeObjectURL(file), { once: true });
  foot.replaceChildren(h('a', { href: file, download: 'request.json', class: 'text' }, icon('download'), 'request.json'), button);
  const buttons = [['curl', told.curl], ['Python', told.python]].map(([title, text]) => {
    const form = h('button', { type: 'button' }, title);
    form.addEventListener('click', () => {
      code.textContent = text;
      for (const other of buttons) other.setAttribute('aria-pressed', String(other === form));
    });
    return form;
  });
  tabs.replaceChildren(...buttons);
  buttons[0].click();
}

const KEYS = [
  ['Enter', 'Send; also ends a recording and sends it'],
  ['Shift + Enter', 'A new line'],
  ['Space, held', 'Talk (before there is a word)'],
  ['Alt + R', 'Begin or end a recording'],
  ['Esc', 'Discard the recording, stop the answer, close'],
  ['P', 'Pause or go on'],
  ['N', 'New conversation'],
  ['/', 'Search'],
  ['?', 'These keys'],
];

export function showKeys() {
  open('Keys', h('dl', { class: 'keys' }, ...KEYS.flatMap(([key, what]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, what)])));
}
