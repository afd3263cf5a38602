// The conversation on the page: it takes turns, and shows those that were kept.

import * as api from './api.js';
import { byId, count, focusQuestion } from './dom.js';
import { titleOf } from './sessions.js';
import { Sound } from './sound.js';
import { currentStatus, setStatus } from './status.js';
import { contentOf, TurnView } from './turn-view.js';

const NEAR = 80; // pixels from the end in which the page follows an answer

/** The conversation. `changed(name)` is called when a turn was kept; `edit(content)` puts a question into the composer. */
export class Conversation {
  constructor(player, settings, { changed, edit, busy, speaking }) {
    Object.assign(this, { player, settings, changed, edit, busy, speaking });
    this.name = null;
    this.views = [];
    this.stopping = null;
    this.place = byId('conversation');
    this.place.addEventListener('scroll', () => this.showLatest());
    byId('latest').addEventListener('click', () => this.follow(true));
    byId('stop').addEventListener('click', () => this.stop());
    player.addEventListener('ended', () => currentStatus() === 'speaking' && setStatus('done'));
    player.addEventListener('change', () => this.playerChanged());
    new ResizeObserver(() => this.near && this.follow(true)).observe(byId('turns'));
  }

  get answering() {
    return this.stopping !== null;
  }

  // --- which conversation

  /** A new one, or a kept one as the server tells it. */
  show(session = null) {
    this.stop();
    this.stopping = null; // the answer that was under way belongs to the conversation before
    this.busy(false);
    for (const view of this.views) view.remove();
    this.views = [];
    this.tokens = 0;
    this.name = session?.name ?? null;
    for (const turn of session?.turns ?? []) {
      const view = this.add(contentOf(turn));
      view.finish(turn);
      this.countTokens(turn);
    }
    this.showFrame();
    this.near = true;
    this.follow(true);
  }

  add(content) {
    const view = new TurnView(this.player, content, {
      again: (failed) => this.again(failed),
      edit: (asked, failed) => {
        if (failed) this.drop(failed);
        this.edit(asked);
      },
      failed: (error) => setStatus('failed', [error.message, error.hint].filter(Boolean).join(' ')),
    });
    this.views.push(view);
    byId('turns').append(view.element);
    return view;
  }

  drop(view) {
    view.remove();
    this.views = this.views.filter((one) => one !== view);
    this.showFrame();
  }

  again(failed) {
    if (this.answering) return;
    this.player.unlock();
    this.drop(failed);
    focusQuestion();
    this.take(failed.content);
  }

  showFrame() {
    byId('welcome').hidden = this.views.length > 0;
    const [first] = this.views;
    const began = first ? first.content.text || first.words.textContent : '';
    const title = this.name === null ? 'New conversation' : titleOf(this.name, began);
    byId('title').textContent = title;
    document.title = `${title} · audiochat`;
    byId('session-menu').hidden = this.name === null;
    byId('tokens').textContent = this.tokens ? count(this.tokens, 'token') : '';
    for (const format of ['markdown', 'json', 'zip']) {
      byId(`export-${format}`).href = this.name ? api.exportAddress(this.name, format) : '';
    }
  }

  countTokens(turn) {
    this.tokens += (turn.usage?.input_tokens ?? 0) + (turn.usage?.output_tokens ?? 0);
  }

  // --- a turn

  /** What goes to the server. */
  async body(content) {
    const recordings = await Promise.all(content.clips.map(async (clip) => {
      clip.blob ??= new Blob([await api.sound(clip.source)]);
      return { name: clip.name, data: await api.toBase64(clip.blob) };
    }));
    return { session: this.name, text: content.text, recordings, ...this.settings.forRequest() };
  }

  /** Ask, and show the answer while it comes. The player was unlocked in the gesture that led here. */
  async take(content) {
    const stopping = new AbortController();
    this.stopping = stopping;
    this.busy(true);
    this.player.stop();
    const view = this.add(content);
    view.expect(this.settings.spoken);
    this.showFrame();
    this.follow(true);
    setStatus('sending');
    try {
      for await (const event of api.takeTurn(await this.body(content), stopping.signal)) this.on(event, view, stopping);
      if (!view.whole) throw new api.ApiError('The answer broke off.', { hint: 'Ask again.', code: 'cut' });
    } catch (failure) {
      this.ended(failure, view, stopping);
    }
    if (this.stopping === stopping) {
      this.stopping = null;
      this.busy(false);
    }
  }

  on(event, view, stopping) {
    if (stopping.signal.aborted) return;
    if (event.type === 'waiting') setStatus('waiting', `Waiting: ${event.place === 1 ? 'next' : `number ${event.place}`} in the queue`);
    else if (event.type === 'asking') setStatus('waiting');
    else if (event.type === 'delta') this.delta(event, view);
    else if (event.type === 'notice') this.notice(event, view);
    else if (event.type === 'reply') this.reply(event, view);
    else if (event.type === 'error') throw new api.ApiError(event.message, event);
  }

  delta({ text, pcm }, view) {
    if (text) view.addWords(text);
    if (!pcm) return;
    if (!view.sound) view.speak(new Sound());
    view.sound.append(api.fromPcm(pcm));
    if (this.settings.autoplay && !view.begun) {
      view.begun = true;
      setStatus('speaking');
      this.player.play(view.sound);
    }
  }

  notice({ text, code }, view) {
    view.note(text);
    if (code !== 'asked_again') return;
    view.clear();
    view.begun = false;
    this.player.stop();
  }

  reply({ session, turn, spoken }, view) {
    view.whole = true;
    view.sound?.finish();
    view.finish(turn);
    if (spoken && !turn.sound) view.note('The model answered in text alone.');
    this.name = session;
    this.countTokens(turn);
    this.showFrame();
    if (view.sound && this.settings.autoplay && !view.begun) {
      view.begun = true;
      setStatus('speaking');
      Promise.resolve(this.player.play(view.sound)).catch((failure) => this.ended(failure, view, { signal: {} }));
    }
    const playing = this.player.sound === view.sound && this.player.state !== 'idle';
    if (!view.sound || !playing) setStatus('done');
    if (turn.number) this.changed(session);
  }

  ended(failure, view, stopping) {
    if (!this.views.includes(view)) return; // another conversation is shown by now
    view.sound?.finish();
    if (stopping.signal.aborted) {
      view.stopped();
      setStatus('stopped');
    } else {
      if (failure.transcript && !view.words.textContent) view.addWords(failure.transcript);
      view.fail(failure);
      setStatus('failed', failure.message);
    }
    this.follow();
  }

  /** Silence, and no more of this answer: the server ends its request too. True where there was something to stop. */
  stop() {
    const speaking = this.player.state !== 'idle';
    this.player.stop();
    this.stopping?.abort();
    if (speaking && !this.answering) setStatus('stopped');
    return speaking || this.answering;
  }

  playerChanged() {
    const { state } = this.player;
    this.speaking(state === 'playing' || state === 'blocked');
    if (state === 'blocked') setStatus('speaking', 'The browser waits for a tap: “Tap to hear”');
    else if (state === 'paused' && currentStatus() === 'speaking') setStatus('done', 'Paused');
    else if (state === 'playing' && ['done', 'idle', 'stopped'].includes(currentStatus())) setStatus('speaking');
  }

  // --- the place on the page

  showLatest() {
    const { scrollTop, scrollHeight, clientHeight } = this.place;
    this.near = scrollHeight - scrollTop - clientHeight < NEAR;
    byId('latest').hidden = this.near || !this.views.length;
  }

  follow(always = false) {
    if (always || this.near) this.place.scrollTop = this.place.scrollHeight;
    this.showLatest();
  }
}
