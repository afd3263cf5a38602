// Faster and slower speech at the same pitch (WSOLA): frames are taken further apart, or closer together, than they
// are put down, each from where it fits best to the one before.

const FRAME = 720; // 30 ms at 24,000 samples a second
const HOP = FRAME / 2;
const SEARCH = 180; // samples before and after: more than half a period of a low voice

const WINDOW = Float32Array.from({ length: FRAME }, (_, index) => 0.5 - 0.5 * Math.cos((2 * Math.PI * index) / FRAME));

export class Stretcher {
  constructor(speed) {
    this.speed = speed;
    this.input = new Float32Array(0);
    this.position = SEARCH; // of the next frame in the input, before the search
    this.previous = null; // where the last frame began
    this.tail = new Float32Array(HOP);
  }

  /** What can be put down now that these samples are here; with `last`, the rest too. */
  process(samples, last) {
    const lead = this.input.length ? 0 : SEARCH;
    const joined = new Float32Array(this.input.length + lead + samples.length + (last ? FRAME + SEARCH : 0));
    joined.set(this.input);
    joined.set(samples, this.input.length + lead);
    this.input = joined;
    const frames = [];
    while (this.position + SEARCH + FRAME + HOP <= this.input.length) frames.push(this.next());
    this.forget();
    const out = new Float32Array(frames.length * HOP);
    frames.forEach((frame, index) => out.set(frame, index * HOP));
    return out;
  }

  next() {
    const start = this.previous === null ? Math.round(this.position) : this.best();
    const out = new Float32Array(HOP);
    for (let index = 0; index < HOP; index += 1) {
      // The first frame has none before it to fade from.
      const rising = this.previous === null ? 1 : WINDOW[index];
      out[index] = this.tail[index] + this.input[start + index] * rising;
      this.tail[index] = this.input[start + HOP + index] * WINDOW[HOP + index];
    }
    this.previous = start;
    this.position += HOP * this.speed;
    return out;
  }

  /** The start near the wanted one that is most like what followed the last frame. */
  best() {
    const wanted = Math.round(this.position);
    const natural = this.previous + HOP;
    let [found, most] = [wanted, -Infinity];
    for (let start = Math.max(0, wanted - SEARCH); start <= wanted + SEARCH; start += 3) {
      let likeness = 0;
      let energy = 1e-9;
      for (let index = 0; index < HOP; index += 3) {
        const sample = this.input[start + index];
        likeness += sample * this.input[natural + index];
        energy += sample * sample;
      }
      likeness /= Math.sqrt(energy);
      if (likeness > most) [found, most] = [start, likeness];
    }
    return found;
  }

  forget() {
    const before = Math.floor(Math.min(this.position - SEARCH, (this.previous ?? 0) + HOP)) - HOP;
    if (before <= 0) return;
    this.input = this.input.slice(before);
    this.position -= before;
    if (this.previous !== null) this.previous -= before;
  }
}
