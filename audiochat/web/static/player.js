// Plays sound through one AudioContext. A cursor says where the next samples go: after the last, within a sample.

import { RATE } from './sound.js';
import { Stretcher } from './stretch.js';

const BLOCK = RATE / 2; // samples scheduled at a time
const AHEAD = 1.5; // seconds that are scheduled before they are heard: timers may be late
const CUSHION = 0.15; // seconds that are there before the first is heard, so that a late piece makes no gap
const LEAD = 0.06; // seconds from the first sample to its sound
const FADE = 0.012; // seconds: silence without a click
const TICK = 40; // milliseconds

/** States: idle, playing, paused, blocked (the browser wants a tap). Dispatches `change` and `time`. */
export class Player extends EventTarget {
  constructor() {
    super();
    this.state = 'idle';
    this.sound = null;
    this.speed = 1;
  }

  /** Make the context able to sound; called in a gesture, before anything is awaited. */
  unlock() {
    if (!this.context) {
      try {
        this.context = new AudioContext({ sampleRate: RATE, latencyHint: 'interactive' });
      } catch {
        this.context = new AudioContext(); // each block is resampled then
      }
      this.context.onstatechange = () => this.unblocked();
    }
    this.context.resume().catch(() => {});
  }

  /** Samples of a file, at our rate. */
  async decode(bytes) {
    const rate = new OfflineAudioContext(1, 1, RATE); // decodes to its own rate, whatever the context has
    const decoded = await rate.decodeAudioData(bytes);
    const mixed = new Float32Array(decoded.length);
    for (let channel = 0; channel < decoded.numberOfChannels; channel += 1) {
      decoded.getChannelData(channel).forEach((sample, index) => { mixed[index] += sample / decoded.numberOfChannels; });
    }
    return mixed;
  }

  /** Play a sound from a second on; what was heard before stops. */
  async play(sound, from = 0) {
    this.unlock();
    this.silence();
    this.sound = sound;
    this.start = from;
    this.set('playing');
    if (sound.source && !sound.complete) {
      await sound.load((bytes) => this.decode(bytes));
      if (this.sound !== sound || this.state !== 'playing') return;
    }
    this.begin(this.start);
  }

  begin(from) {
    if (this.sound.complete && from >= this.sound.seconds - 0.02) from = 0;
    this.read = Math.round(from * RATE);
    this.start = from;
    this.cursor = 0;
    this.parts = [];
    this.sources = new Set();
    this.stretcher = this.speed === 1 ? null : new Stretcher(this.speed);
    this.flushed = false;
    this.gain = this.context.createGain();
    this.gain.connect(this.context.destination);
    this.timer = setInterval(() => this.pump(), TICK);
    setTimeout(() => this.blockedYet(), 400);
    this.pump();
  }

  /** Schedule what is there, and look whether the end was heard. */
  pump() {
    const now = this.context.currentTime;
    const enough = this.sound.complete || this.sound.length - this.read >= CUSHION * this.speed * RATE;
    if (this.context.state === 'running' && (enough || this.cursor / RATE > now)) {
      while (this.read < this.sound.length && this.cursor / RATE - now < AHEAD) this.schedule();
      if (this.sound.complete && this.read >= this.sound.length) this.flush();
    }
    this.dispatchEvent(new Event('time'));
    const heard = this.sound.complete && this.flushed && now >= this.cursor / RATE;
    if (heard) this.stop(true);
  }

  schedule() {
    const to = Math.min(this.read + BLOCK, this.sound.length);
    const taken = this.sound.samples.subarray(this.read, to);
    this.put(this.stretcher ? this.stretcher.process(taken, false) : taken, to);
  }

  flush() {
    if (this.flushed) return;
    this.flushed = true;
    if (this.stretcher) this.put(this.stretcher.process(new Float32Array(0), true), this.read);
  }

  put(samples, to) {
    const from = this.read;
    this.read = to;
    if (!samples.length) return;
    const buffer = this.context.createBuffer(1, samples.length, RATE);
    buffer.copyToChannel(samples, 0);
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.gain);
    // Late, or the first: a new beginning, in whole samples.
    const now = this.context.currentTime;
    if (this.cursor < Math.ceil(now * RATE)) this.cursor = Math.ceil((now + LEAD) * RATE);
    source.start(this.cursor / RATE);
    source.onended = () => this.sources.delete(source);
    this.sources.add(source);
    this.parts.push({ start: this.cursor / RATE, end: (this.cursor + samples.length) / RATE, from, to });
    if (this.parts.length > 60) this.parts.shift();
    this.cursor += samples.length;
  }

  /** The second of the sound that is heard now. */
  get position() {
    if (!this.sound) return 0;
    if (!this.timer) return this.start;
    const now = this.context.currentTime;
    let at = this.start * RATE;
    for (const { start, end, from, to } of this.parts) {
      if (now < start) break;
      at = now >= end ? to : from + ((now - start) / (end - start)) * (to - from);
    }
    return at / RATE;
  }

  pause() {
    if (this.state !== 'playing' && this.state !== 'blocked') return;
    this.start = this.position;
    this.silence();
    this.set('paused');
  }

  seek(sound, seconds) {
    if (this.sound !== sound) return void this.play(sound, seconds);
    const going = this.state === 'playing';
    this.silence();
    this.start = Math.max(0, Math.min(seconds, sound.seconds));
    if (going) this.begin(this.start);
    else this.set('paused');
  }

  setSpeed(speed) {
    this.speed = speed;
    if (this.timer) {
      const at = this.position;
      this.silence();
      this.begin(at);
    }
  }

  /** Silence, at once: the whole tail that was scheduled too. */
  stop(ended = false) {
    if (this.state === 'idle') return;
    this.silence();
    this.sound = null;
    this.set('idle');
    if (ended) this.dispatchEvent(new Event('ended'));
  }

  silence() {
    clearInterval(this.timer);
    this.timer = null;
    if (!this.gain) return;
    const now = this.context.currentTime;
    this.gain.gain.setValueAtTime(1, now);
    this.gain.gain.linearRampToValueAtTime(0, now + FADE);
    for (const source of this.sources) source.stop(now + FADE);
    const gain = this.gain;
    setTimeout(() => gain.disconnect(), 100);
    this.gain = null;
  }

  blockedYet() {
    if (this.state === 'playing' && this.timer && this.context.state !== 'running') this.set('blocked');
  }

  unblocked() {
    if (this.state === 'blocked' && this.context.state === 'running') this.set('playing');
  }

  set(state) {
    this.state = state;
    this.dispatchEvent(new Event('change'));
  }
}
