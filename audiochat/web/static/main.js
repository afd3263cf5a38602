// The page: sign in, then wire its parts together.

import * as api from './api.js';
import { Composer } from './composer.js';
import { Conversation } from './conversation.js';
import * as dialogs from './dialogs.js';
import { byId, focusQuestion, h } from './dom.js';
import { wireKeys } from './keyboard.js';
import { Player } from './player.js';
import { Sessions } from './sessions.js';
import { Settings } from './settings.js';
import { setStatus } from './status.js';

const IDEAS = ['Is a golden retriever a good family dog?', 'Tell me a very short bedtime story.', 'How do I say “good morning” in Japanese?'];

/** The token of the address, which is then taken from the address bar. */
function takeToken() {
  const token = location.hash.slice(1);
  if (token) history.replaceState(null, '', location.pathname + location.search);
  return token;
}

async function begin() {
  const token = takeToken();
  let refusal = null;
  if (token) await api.signIn(token).catch((error) => { refusal = error; });
  try {
    start(await api.state());
  } catch (error) {
    signedOut(error.code === 'not_signed_in' && refusal ? refusal : error);
  }
}

function signedOut(error) {
  byId('shell').hidden = true;
  byId('signed-out').hidden = false;
  if (error.code !== 'not_signed_in') byId('signed-out-why').textContent = [error.message, error.hint].filter(Boolean).join(' ');
  byId('sign-in').addEventListener('submit', async (event) => {
    event.preventDefault();
    const given = byId('key').value.trim();
    try {
      await api.signIn(given.slice(given.indexOf('#') + 1));
      location.reload();
    } catch (failure) {
      byId('signed-out-why').textContent = failure.message;
    }
  });
}

function start(state) {
  const player = new Player();
  const settings = new Settings(player, state);
  const sessions = new Sessions((name) => open(name, true));
  const conversation = new Conversation(player, settings, {
    changed: (name) => {
      remember(name);
      sessions.setCurrent(name);
      sessions.refresh();
    },
    edit: (content) => composer.set(content),
    busy: (busy) => composer.setBusy(busy),
    speaking: (speaking) => composer.setSpeaking(speaking),
  });
  const composer = new Composer(player, {
    send: (content) => conversation.take(content),
    fail: (error) => setStatus('failed', [error.message, error.hint].filter(Boolean).join(' ')),
  });
  byId('about').textContent = `audiochat ${state.version} · ${{ local: 'local engine', azure: 'Azure OpenAI', openai: 'OpenAI' }[state.provider]}`;

  let opening = 0;
  async function open(name, push) {
    opening += 1;
    const mine = opening;
    let session = null;
    try {
      session = name === null ? null : await api.openSession(name);
    } catch (error) {
      setStatus('failed', [error.message, error.hint].filter(Boolean).join(' '));
      return;
    }
    if (mine !== opening) return; // another one was chosen meanwhile
    conversation.show(session);
    settings.setSystem(session?.system);
    sessions.setCurrent(conversation.name);
    if (!composer.recording) setStatus('idle');
    if (push) remember(name, true);
    focusQuestion();
  }

  byId('rename').addEventListener('click', () => dialogs.rename(conversation.name, async (name) => {
    remember(name);
    conversation.show(await api.openSession(name)); // its sound has other addresses now
    sessions.setCurrent(name);
    sessions.refresh();
  }));
  byId('remove').addEventListener('click', () => dialogs.remove(conversation.name, () => {
    open(null, true);
    sessions.refresh();
  }));
  byId('show-request').addEventListener('click', () => {
    const text = byId('text').value.trim() || (composer.clips.length ? '' : 'Is a golden retriever a good family dog?');
    dialogs.showRequest(conversation.body({ text, clips: composer.clips }));
  });
  byId('ideas').append(...IDEAS.map((idea) => h('li', {}, h('button', { type: 'button', onclick: () => {
    player.unlock();
    conversation.take({ text: idea, clips: [] });
  } }, idea))));

  window.addEventListener('popstate', () => open(named(), false));
  wireKeys({ composer, conversation, player, begin: () => open(null, true) });
  wireDrops(composer);
  wireMenus();
  sessions.refresh();
  open(named(), false);
  document.documentElement.dataset.ready = 'true';
}

/** The conversation that the address names. */
const named = () => new URLSearchParams(location.search).get('session');

function remember(name, push = false) {
  const address = name === null ? '/' : `/?session=${encodeURIComponent(name)}`;
  if (address !== location.pathname + location.search) history[push ? 'pushState' : 'replaceState'](null, '', address);
}

function wireDrops(composer) {
  let depth = 0;
  const holds = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
  const show = (change) => {
    depth = Math.max(0, depth + change);
    byId('drop').hidden = depth === 0;
  };
  document.addEventListener('dragenter', (event) => holds(event) && show(1));
  document.addEventListener('dragleave', (event) => holds(event) && show(-1));
  document.addEventListener('dragover', (event) => holds(event) && event.preventDefault());
  document.addEventListener('drop', (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    show(-depth);
    composer.attach(event.dataTransfer.files);
  });
  byId('text').addEventListener('paste', (event) => {
    if (event.clipboardData.files.length) {
      event.preventDefault();
      composer.attach(event.clipboardData.files);
    }
  });
}

/** A menu closes when something else is clicked, or one of its items. */
function wireMenus() {
  document.addEventListener('click', (event) => {
    for (const menu of document.querySelectorAll('details.menu[open]')) {
      if (!menu.contains(event.target) || event.target.closest('.menu-list')) menu.open = false;
    }
  });
}

begin();
