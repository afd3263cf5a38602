// The question being made: words, recordings of the microphone, attached files.

import { byId, clock, focusQuestion, h, iconButton, setIcon } from './dom.js';
import { LONGEST, MicrophoneError, Recorder } from './recorder.js';
import { Sound } from './sound.js';
import { soundView } from './sound-view.js';
import { setStatus } from './status.js';
import { encodeWav } from './wav.js';
import { LevelMeter } from './waveform.js';

const TOO_SHORT = 0.3; // seconds: a key that was touched
const LARGEST = 60_000_000; // bytes of all recordings; the server takes 96 MB a turn, and base64 adds a third

/** The composer. `send(content)` takes a turn; `fail(error)` shows why something cannot be done. */
export class Composer {
  constructor(player, { send, fail }) {
    Object.assign(this, { player, send, fail });
    this.clips = [];
    this.recorder = null;
    this.finishing = false;
    this.busy = false;
    this.speaking = false;
    this.meter = new LevelMeter(byId('level'));
    this.text = byId('text');
    this.text.addEventListener('input', () => this.fit());
    byId('form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.submit();
    });
    byId('record').addEventListener('click', () => this.toggle());
    byId('discard').addEventListener('click', () => this.discard());
    byId('attach').addEventListener('click', () => byId('files').click());
    byId('files').addEventListener('change', () => {
      this.attach(byId('files').files);
      byId('files').value = '';
    });
    window.addEventListener('pagehide', () => this.recorder?.cancel());
    this.fit();
  }

  get recording() {
    return this.recorder !== null;
  }

  /** Whether there is no word yet. */
  get blank() {
    return !this.text.value.trim();
  }

  get empty() {
    return this.blank && !this.clips.length && !this.recorder;
  }

  /** As high as its text, up to what CSS allows. */
  fit() {
    this.text.style.height = 'auto';
    this.text.style.height = `${this.text.scrollHeight}px`;
    this.show();
  }

  show() {
    const stop = this.busy || (this.speaking && this.empty);
    const pressed = document.activeElement;
    byId('stop').hidden = !stop;
    byId('send').hidden = stop;
    byId('send').disabled = this.empty;
    if (pressed === byId(stop ? 'send' : 'stop') || (pressed === byId('send') && this.empty)) focusQuestion();
  }

  /** Ask; a recording that is going on is stopped first. */
  async submit() {
    this.player.unlock(); // in the gesture, before anything is awaited
    if (this.finishing || (this.recorder && !(await this.finish()))) return;
    if (this.busy || this.empty) return;
    const content = { text: this.text.value.trim(), clips: this.clips };
    this.clear(false);
    this.send(content);
  }

  /** Put a question here, to be changed. */
  set({ text, clips }) {
    this.clear();
    this.text.value = text;
    for (const clip of clips) this.addClip({ ...clip });
    this.fit();
    this.text.focus();
  }

  clear(silent = true) {
    if (silent && this.recorder) this.discard();
    for (const clip of this.clips) clip.view?.release();
    this.clips = [];
    byId('drafts').replaceChildren();
    this.text.value = '';
    this.fit();
  }

  /** Whether an answer is under way; another question waits for its end. */
  setBusy(busy) {
    this.busy = busy;
    this.show();
  }

  /** Whether something is heard. */
  setSpeaking(speaking) {
    this.speaking = speaking;
    this.show();
  }

  // --- the microphone

  toggle() {
    if (this.recorder) this.finish();
    else this.record();
  }

  async record() {
    if (this.recorder) return;
    this.player.unlock();
    this.player.stop(); // the answer is not to be recorded
    const recorder = new Recorder({
      onlive: () => this.recorder === recorder && setStatus('recording'),
      onlevel: (level) => {
        if (this.recorder !== recorder) return;
        this.meter.add(level);
        byId('record-time').textContent = clock(recorder.seconds);
        byId('recording').classList.toggle('late', recorder.seconds > LONGEST - 30);
      },
      onend: () => this.recorder === recorder && this.finish(),
    });
    this.recorder = recorder;
    this.showRecording(true);
    setStatus('asking');
    try {
      await recorder.start();
    } catch (failure) {
      if (this.recorder !== recorder) return;
      this.recorder = null;
      this.showRecording(false);
      setStatus('failed', failure.message);
      this.fail(failure instanceof MicrophoneError ? failure : new MicrophoneError('used'));
    }
  }

  /** End the recording; a clip, or false where there was nothing to keep. */
  async finish() {
    const recorder = this.recorder;
    this.recorder = null;
    this.showRecording(false);
    this.finishing = true;
    const { samples, rate } = await recorder.stop();
    this.finishing = false;
    if (!rate || samples.length < TOO_SHORT * rate) {
      setStatus('idle', 'Too short: hold the key, or click and speak, then click again');
      return false;
    }
    setStatus('idle', 'Recorded. Listen, add words, or send');
    const sound = new Sound({ source: () => encodeWav(samples, rate).arrayBuffer(), seconds: samples.length / rate });
    this.addClip({ name: `recording-${this.clips.length + 1}.wav`, blob: encodeWav(samples, rate), sound, mine: true });
    return true;
  }

  discard() {
    this.recorder?.cancel();
    this.recorder = null;
    this.showRecording(false);
    setStatus('idle', 'Discarded');
  }

  showRecording(on) {
    byId('recording').hidden = !on;
    this.text.hidden = on;
    byId('discard').hidden = !on;
    byId('composer').classList.toggle('on-air', on);
    const button = byId('record');
    setIcon(button, on ? 'stop' : 'mic');
    button.setAttribute('aria-label', on ? 'Stop recording' : 'Record');
    button.title = `${on ? 'Stop recording' : 'Record'} (Alt+R)`;
    byId('record-time').textContent = clock(0);
    this.show();
    if (on) this.meter.clear();
    else focusQuestion();
  }

  // --- clips

  attach(files) {
    for (const file of files) {
      const before = this.clips.reduce((sum, clip) => sum + (clip.blob?.size ?? 0), 0);
      if (before + file.size > LARGEST) {
        const together = file.size > LARGEST ? '' : ' together with the others';
        const hint = together ? 'Send it with a question of its own.'
          : "'audiochat transcribe' takes recordings of any length; or cut it in pieces.";
        this.fail(Object.assign(new Error(`${file.name} is too large for one question${together}.`), { hint }));
        continue;
      }
      this.addClip({ name: file.name, blob: file, sound: new Sound({ source: () => file.arrayBuffer() }) });
    }
    this.text.focus();
  }

  addClip(clip) {
    this.clips.push(clip);
    clip.view = soundView(this.player, clip.sound, clip.name, {
      failed: () => setStatus('idle', `The browser cannot play ${clip.name}; it can be sent all the same`),
    });
    const drop = () => {
      clip.view.release();
      clip.element.remove();
      this.clips = this.clips.filter((one) => one !== clip);
      this.show();
    };
    const again = clip.mine ? iconButton('again', 'Record it again', () => { drop(); this.record(); }) : null;
    clip.element = h('li', { class: 'draft' }, clip.view, h('span', { class: 'clip-name', dir: 'auto' }, clip.name),
      again, iconButton('close', `Remove ${clip.name}`, () => { drop(); this.text.focus(); }));
    byId('drafts').append(clip.element);
    // Its drawing and its length; a file that only the server can decode has none.
    clip.sound.load((bytes) => this.player.decode(bytes)).catch(() => {});
    this.show();
  }
}
