// What is going on, in words and a sign, in one line that a screen reader reads out.

import { byFinger, byId, setIcon } from './dom.js';

const SIGNS = {
  idle: 'dot',
  asking: 'mic',
  recording: 'mic',
  sending: 'up',
  waiting: 'wait',
  speaking: 'sound',
  done: 'check',
  stopped: 'stop',
  failed: 'warn',
};

const WORDS = {
  idle: 'Ready',
  asking: 'Waiting for the microphone…',
  recording: byFinger() ? 'Recording. Tap again to stop' : 'Recording. Click again to stop, Enter to send, Esc to discard',
  sending: 'Sending…',
  waiting: 'Waiting for the answer…',
  speaking: 'Speaking…',
  done: 'Done',
  stopped: 'Stopped',
  failed: 'Failed',
};

/** Say what is going on; the words of a state are its usual ones unless others are given. */
export function setStatus(state, words = WORDS[state]) {
  const line = byId('status');
  if (line.dataset.state === state && byId('status-text').textContent === words) return;
  line.dataset.state = state;
  setIcon(line, SIGNS[state]);
  byId('status-text').textContent = words;
}

export const currentStatus = () => byId('status').dataset.state;
