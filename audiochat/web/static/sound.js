// Sound in memory: it grows while an answer arrives, and knows its peaks for the drawing.

export const RATE = 24000; // samples a second of everything that is played
const PEAK = 480; // samples that one peak stands for: 20 ms

/** Sound that is, or will be, there. `source` loads it when it is first wanted. */
export class Sound extends EventTarget {
  constructor({ source = null, seconds = 0 } = {}) {
    super();
    this.source = source;
    this.expected = seconds;
    this.samples = new Float32Array(source ? 0 : RATE);
    this.length = 0;
    this.peaks = [];
    this.complete = false;
  }

  get seconds() {
    return this.length ? this.length / RATE : this.expected;
  }

  /** Add samples, as they come. */
  append(more) {
    if (this.length + more.length > this.samples.length) {
      const larger = new Float32Array(Math.max(2 * this.samples.length, this.length + more.length));
      larger.set(this.samples.subarray(0, this.length));
      this.samples = larger;
    }
    this.samples.set(more, this.length);
    const from = Math.floor(this.length / PEAK);
    this.length += more.length;
    for (let index = from; index * PEAK < this.length; index += 1) {
      const part = this.samples.subarray(index * PEAK, Math.min((index + 1) * PEAK, this.length));
      let peak = 0;
      for (const sample of part) peak = Math.max(peak, Math.abs(sample));
      this.peaks[index] = peak;
    }
    this.dispatchEvent(new Event('change'));
  }

  /** Nothing more will come. */
  finish() {
    this.complete = true;
    this.dispatchEvent(new Event('change'));
  }

  /** Forget what came: the answer begins anew. */
  reset() {
    this.length = 0;
    this.peaks = [];
    this.dispatchEvent(new Event('change'));
  }

  /** Have it here. `decode` makes samples of a file's bytes. */
  async load(decode) {
    if (this.source && !this.loading) {
      this.loading = (async () => {
        this.append(await decode(await this.source()));
        this.finish();
      })();
      this.loading.catch(() => { this.loading = null; });
    }
    await this.loading;
  }
}
