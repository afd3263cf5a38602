// A drawing of sound on a canvas: bars of its peaks, what was heard in another colour.

const BAR = 3; // pixels of a bar with its gap
const FIRST = 5; // seconds that the width stands for at first, so that a growing answer does not jump

/** Draw a sound into a canvas whenever it grows, is heard on, or the canvas changes its size. */
export class Waveform {
  constructor(canvas, sound) {
    this.canvas = canvas;
    this.sound = sound;
    this.heard = 0;
    this.asked = false;
    sound.addEventListener('change', () => this.redraw());
    new ResizeObserver(() => this.redraw()).observe(canvas);
    document.addEventListener('appearance', () => this.redraw());
  }

  /** Seconds that the whole width stands for. */
  get span() {
    return this.sound.complete || !this.sound.length ? this.sound.seconds : Math.max(FIRST, this.sound.seconds);
  }

  show(heard) {
    this.heard = heard;
    this.redraw();
  }

  redraw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
    });
  }

  draw() {
    const [pen, width, height] = prepare(this.canvas);
    if (!width) return;
    const style = getComputedStyle(this.canvas);
    const [todo, done] = [style.fill, style.color]; // a custom property would not be resolved
    const bars = Math.floor(width / BAR);
    const span = this.span || 1;
    const peaks = this.sound.peaks;
    const perBar = (span * 50) / bars; // a peak is 20 ms
    for (let bar = 0; bar < bars; bar += 1) {
      let peak = 0;
      const to = Math.max(Math.floor((bar + 1) * perBar), Math.floor(bar * perBar) + 1);
      for (let at = Math.floor(bar * perBar); at < to; at += 1) peak = Math.max(peak, peaks[at] ?? 0);
      const tall = Math.max(2, Math.min(1, peak ** 0.6 * 1.15) * height);
      pen.fillStyle = ((bar + 0.5) / bars) * span < this.heard ? done : todo;
      pen.beginPath();
      pen.roundRect(bar * BAR, (height - tall) / 2, BAR - 1, tall, 1);
      pen.fill();
    }
  }
}

/** The level of a recording, moving from right to left. */
export class LevelMeter {
  constructor(canvas) {
    this.canvas = canvas;
    this.levels = [];
  }

  add(level) {
    this.levels.push(level);
    if (this.levels.length > 600) this.levels.shift();
    const [pen, width, height] = prepare(this.canvas);
    pen.fillStyle = getComputedStyle(this.canvas).color;
    const bars = Math.floor(width / BAR);
    for (let bar = 0; bar < bars; bar += 1) {
      const found = this.levels[this.levels.length - bars + bar] ?? 0;
      const tall = Math.max(2, Math.min(1, (found * 4) ** 0.6) * height);
      pen.fillRect(bar * BAR, (height - tall) / 2, BAR - 1, tall);
    }
  }

  clear() {
    this.levels = [];
    prepare(this.canvas);
  }
}

/** A clean canvas at the screen's own resolution: its pen, width and height. */
function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext('2d');
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return [pen, width, height];
}
