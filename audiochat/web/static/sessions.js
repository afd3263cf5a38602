// The list of kept conversations: those of `converse`, to search and to open.

import * as api from './api.js';
import { byId, count, h, moment } from './dom.js';

const PAUSE = 200; // milliseconds after a key, before the search is made

/** What a conversation is called: its name, or how it began where the name is only a number. */
export function titleOf(name, began) {
  return /^\d+$/.test(name) ? began || `Conversation ${name}` : name;
}

/** The list. `open(name)` shows one; null begins a new one. */
export class Sessions {
  constructor(open) {
    this.openSession = open;
    this.current = null;
    byId('search').addEventListener('input', () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.refresh(), PAUSE);
    });
    byId('new').addEventListener('click', () => this.choose(null));
    byId('sessions-open').addEventListener('click', () => this.drawer(true));
    byId('sessions-close').addEventListener('click', () => this.drawer(false));
    byId('shade').addEventListener('click', () => this.drawer(false));
  }

  choose(name) {
    this.drawer(false);
    this.openSession(name);
  }

  /** The list beside the conversation, where the window is narrow. */
  drawer(open) {
    document.body.classList.toggle('sessions-open', open);
    byId('shade').hidden = !(open || document.body.classList.contains('settings-open'));
    if (open) byId('sessions-close').focus();
  }

  setCurrent(name) {
    this.current = name;
    for (const link of byId('session-list').querySelectorAll('a')) this.mark(link);
  }

  mark(link) {
    if (link.dataset.name === this.current) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }

  async refresh() {
    const query = byId('search').value.trim();
    let found;
    try {
      found = await api.sessions(query);
    } catch {
      return; // the next turn tells what is wrong
    }
    if (query !== byId('search').value.trim()) return;
    const rows = found.map((one) => this.row(one));
    const nothing = query ? 'Nothing found.' : 'What you say is kept here, and for audiochat converse.';
    byId('session-list').replaceChildren(...(rows.length ? rows : [h('li', { class: 'none' }, nothing)]));
  }

  row({ name, began, turns, latest, damaged }) {
    const about = damaged ? 'damaged' : [count(turns, 'turn'), moment(latest)].join(' · ');
    const link = h('a', { href: `/?session=${encodeURIComponent(name)}`, 'data-name': name },
      h('span', { class: 'began', dir: 'auto' }, titleOf(name, began)), h('span', { class: 'about' }, about));
    link.addEventListener('click', (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return; // another tab
      event.preventDefault();
      this.choose(name);
    });
    this.mark(link);
    return h('li', {}, link);
  }
}
