// A turn on the page: what was asked, and the answer as it grows.

import { clock, copy, count, h, icon, iconButton, moment } from './dom.js';
import { Sound } from './sound.js';
import { soundView } from './sound-view.js';
import * as api from './api.js';

const FORMATS = { wav: 'WAV', mp3: 'MP3', flac: 'FLAC', opus: 'Opus' };

/** A turn. `actions`: again(content), edit(content), failed(error). */
export class TurnView {
  constructor(player, content, actions) {
    Object.assign(this, { player, content, actions });
    this.views = [];
    this.words = h('p', { class: 'words', dir: 'auto' });
    this.speech = h('div', { class: 'speech' });
    this.notes = h('ul', { class: 'notes' });
    this.foot = h('p', { class: 'turn-foot' });
    this.answer = h('div', { class: 'answer', role: 'group', 'aria-label': 'Answer' }, this.speech, this.words, this.notes, this.foot);
    this.element = h('li', { class: 'turn' }, this.question(), this.answer);
  }

  question() {
    const clips = this.content.clips.map((clip) => h('div', { class: 'clip' },
      this.view(clip.sound, `your recording ${clip.name}`), h('span', { class: 'clip-name', dir: 'auto' }, clip.name)));
    const text = this.content.text ? h('p', { class: 'asked-text', dir: 'auto' }, this.content.text) : null;
    const edit = iconButton('edit', 'Use this question again', () => this.actions.edit(this.content));
    return h('div', { class: 'question', role: 'group', 'aria-label': 'Question' }, h('div', { class: 'asked' }, ...clips, text), edit);
  }

  view(sound, what, more) {
    const view = soundView(this.player, sound, what, { failed: (failure) => this.actions.failed(failure), more });
    this.views.push(view);
    return view;
  }

  /** Keep the place of the sound, so that nothing moves when it comes. */
  expect(spoken) {
    this.element.classList.add('pending');
    this.speech.classList.toggle('expected', spoken);
  }

  /** The first sound is here. */
  speak(sound) {
    this.sound = sound;
    this.slot = h('span', { class: 'slot' });
    this.speech.replaceChildren(this.view(sound, 'the answer', [this.slot]));
    this.speech.classList.add('expected');
  }

  addWords(text) {
    this.words.append(text);
  }

  /** The answer begins anew. */
  clear() {
    this.words.textContent = '';
    this.sound?.reset();
  }

  note(text) {
    this.notes.append(h('li', {}, icon('note'), text));
  }

  /** The whole turn, as the server keeps it. */
  finish(turn) {
    this.element.classList.remove('pending');
    this.words.textContent = turn.transcript;
    if (!turn.sound && !this.sound) this.speech.classList.remove('expected');
    if (turn.sound && !this.sound) {
      this.speak(new Sound({ source: () => api.sound(turn.sound), seconds: turn.seconds }));
    }
    if (turn.sound) this.slot.replaceChildren(downloads(turn.sound));
    const button = iconButton('copy', 'Copy the words', () => copy(turn.transcript, button));
    this.foot.replaceChildren(button, h('span', {}, facts(turn)));
  }

  /** The answer was stopped; what came stays to be read and heard. */
  stopped() {
    this.end('stop', 'Stopped. This turn is not kept.', null);
  }

  fail(error) {
    this.end('warn', error.message, error.hint);
    this.element.classList.add('failed');
  }

  end(sign, message, hint) {
    this.element.classList.remove('pending');
    if (!this.sound) this.speech.classList.remove('expected');
    this.sound?.finish();
    const again = h('button', { type: 'button', class: 'text', onclick: () => this.actions.again(this) }, icon('again'), 'Again');
    const edit = h('button', { type: 'button', class: 'text', onclick: () => this.actions.edit(this.content, this) }, icon('edit'), 'Edit and send');
    const words = h('div', {}, h('p', { class: 'what' }, message), hint ? h('p', { class: 'hint' }, hint) : null, h('p', { class: 'next' }, again, edit));
    this.foot.replaceChildren();
    this.answer.append(h('div', { class: `ended ${sign}` }, icon(sign), words));
  }

  /** Take it from the page. */
  remove() {
    for (const view of this.views) view.release();
    this.element.remove();
  }
}

function downloads(address) {
  const links = Object.entries(FORMATS).map(([format, title]) => h('a', { href: `${address}?format=${format}`, download: true }, icon('download'), title));
  return h('details', { class: 'menu' },
    h('summary', { class: 'icon', 'aria-label': 'Download the answer', title: 'Download the answer' }, icon('download')),
    h('div', { class: 'menu-list' }, ...links));
}

function facts(turn) {
  const { input_tokens: input, output_tokens: output } = turn.usage ?? {};
  const tokens = (input ?? 0) + (output ?? 0);
  return [
    turn.seconds ? clock(turn.seconds) : null,
    tokens ? `${count(tokens, 'token')} (${input ?? 0} in, ${output ?? 0} out)` : null,
    turn.model,
    turn.answered_at ? moment(turn.answered_at) : null,
    turn.finish_reason === 'length' ? 'cut at the limit of tokens' : null,
  ].filter(Boolean).join(' · ');
}

/** What a kept turn asked. */
export function contentOf(turn) {
  const clips = turn.recordings.map((one) => ({ name: one.name, source: one.sound, sound: new Sound({ source: () => api.sound(one.sound) }) }));
  return { text: turn.text ?? '', clips };
}
