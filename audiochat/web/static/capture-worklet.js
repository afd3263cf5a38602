// Runs on the audio thread: passes on what the microphone hears, as one channel, at the rate that it comes with.

const BLOCK = 2048;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(BLOCK);
    this.filled = 0;
    this.port.onmessage = () => this.finish();
  }

  finish() {
    this.port.postMessage({ samples: this.block.slice(0, this.filled), last: true });
    this.over = true;
  }

  process([channels]) {
    if (this.over) return false;
    if (!channels.length) return true;
    const length = channels[0].length;
    for (let index = 0; index < length; index += 1) {
      let sum = 0;
      for (const channel of channels) sum += channel[index];
      this.block[this.filled] = sum / channels.length;
      this.filled += 1;
      if (this.filled === BLOCK) {
        this.port.postMessage({ samples: this.block, last: false });
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor('capture', Capture);
