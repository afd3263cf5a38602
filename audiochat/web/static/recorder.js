// The microphone: from the gesture to a clip. Whatever happens, every track is stopped in the end.

export const LONGEST = 300; // seconds, as on the command line
const LAST_BLOCK = 500; // milliseconds in which the audio thread hands over what it still has

const REFUSALS = {
  insecure: [
    'Browsers give the microphone only to pages of this machine, or to those with https.',
    'Open the playground as http://127.0.0.1 on the machine where it runs, or put https in front of it. Attaching works here too.',
  ],
  refused: [
    'The browser does not let this page use the microphone.',
    'Allow it with the sign beside the address, and in the system’s privacy settings; then record again.',
  ],
  none: ['There is no microphone.', 'Plug one in, then record again; or attach a recording.'],
  used: [
    'The microphone cannot be started: another program may be using it.',
    'Close that program, or plug the microphone in again; then record again.',
  ],
};

/** Why there is no recording, and what to do. */
export class MicrophoneError extends Error {
  constructor(kind) {
    super(REFUSALS[kind][0]);
    this.kind = kind;
    this.hint = REFUSALS[kind][1];
  }
}

const KINDS = {
  NotAllowedError: 'refused',
  SecurityError: 'refused',
  NotFoundError: 'none',
  OverconstrainedError: 'none',
};

/**
 * One recording. `start` is called in a gesture; `onlive` when the first sound is there, `onlevel` (0 to 1) and
 * `onend` (the microphone was unplugged, or it is long enough) while it goes on.
 */
export class Recorder {
  constructor({ onlive, onlevel, onend }) {
    Object.assign(this, { onlive, onlevel, onend });
    this.blocks = [];
    this.length = 0;
    this.over = false;
  }

  get seconds() {
    return this.context ? this.length / this.context.sampleRate : 0;
  }

  async start() {
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) throw new MicrophoneError('insecure');
    this.context = new AudioContext(); // the rate of the machine: it is never forced
    try {
      const loaded = this.context.audioWorklet.addModule('/static/capture-worklet.js');
      loaded.catch(() => {}); // where there is no microphone, it is not waited for
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: { ideal: 1 } } });
      await loaded;
      if (this.over) return this.release(); // let go of while the browser asked
      await this.context.resume();
      this.connect();
    } catch (failure) {
      this.release();
      if (failure instanceof MicrophoneError) throw failure;
      throw new MicrophoneError(KINDS[failure.name] ?? 'used');
    }
    return undefined;
  }

  connect() {
    if (this.over) return void this.release();
    this.node = new AudioWorkletNode(this.context, 'capture', { numberOfOutputs: 0 });
    this.node.port.onmessage = ({ data }) => this.take(data);
    this.context.createMediaStreamSource(this.stream).connect(this.node);
    for (const track of this.stream.getTracks()) track.onended = () => this.onend();
  }

  take({ samples, last }) {
    const first = !this.length && samples.length > 0;
    this.blocks.push(samples);
    this.length += samples.length;
    if (last) return void this.onlast?.();
    if (this.over) return;
    if (first) this.onlive();
    this.onlevel(Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length));
    if (this.seconds >= LONGEST) this.onend();
  }

  /** End it, and give what was heard: { samples, rate }. */
  async stop() {
    this.over = true;
    if (this.node) {
      const last = new Promise((resolve) => { this.onlast = resolve; });
      this.node.port.postMessage('finish');
      await Promise.race([last, new Promise((resolve) => { setTimeout(resolve, LAST_BLOCK); })]);
    }
    const rate = this.context?.sampleRate ?? 0;
    this.release();
    const samples = new Float32Array(this.length);
    let at = 0;
    for (const block of this.blocks) {
      samples.set(block, at);
      at += block.length;
    }
    return { samples, rate };
  }

  /** Let go of the microphone, at once, and of what was heard. */
  cancel() {
    this.over = true;
    this.blocks = [];
    this.length = 0;
    this.release();
  }

  release() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    if (this.context && this.context.state !== 'closed') this.context.close();
  }
}
