// One sound on the page: play and pause, the drawing to seek in, the time.

import { clock, h, icon, iconButton, setIcon } from './dom.js';
import { Waveform } from './waveform.js';

/** The controls of a sound. `what` names it for a screen reader; `failed` is told why it cannot be heard. */
export function soundView(player, sound, what, { failed = () => {}, more = [] } = {}) {
  const button = iconButton('play', `Play ${what}`, () => toggle(), { class: 'icon play' });
  const canvas = h('canvas', { 'aria-hidden': 'true' });
  const slider = h('input', { type: 'range', min: 0, max: 1, step: 0.05, value: 0, 'aria-label': `Position in ${what}` });
  const time = h('span', { class: 'time' }, clock(sound.seconds));
  const tap = h('button', { type: 'button', class: 'tap', hidden: true, onclick: () => play() }, icon('play'), 'Tap to hear');
  const wave = new Waveform(canvas, sound);
  const view = h('div', { class: 'sound' }, button, h('div', { class: 'wave' }, canvas, slider, tap), time, ...more);

  const mine = () => player.sound === sound;
  const play = (from) => Promise.resolve(player.play(sound, from)).catch((failure) => {
    player.stop();
    failed(failure);
  });
  function toggle() {
    if (mine() && player.state === 'playing') player.pause();
    else play(mine() ? player.position : 0);
  }
  slider.addEventListener('input', () => player.seek(sound, Number(slider.value)));

  function show() {
    const playing = mine() && player.state === 'playing';
    const at = mine() ? player.position : 0;
    setIcon(button, playing ? 'pause' : 'play');
    const label = `${playing ? 'Pause' : 'Play'} ${what}`;
    button.setAttribute('aria-label', label);
    button.title = label;
    tap.hidden = !(mine() && player.state === 'blocked');
    const seconds = sound.seconds;
    slider.max = wave.span || 1;
    slider.value = at;
    slider.setAttribute('aria-valuetext', `${clock(at)} of ${clock(seconds)}`);
    time.textContent = clock(mine() && player.state !== 'idle' ? at : seconds);
    wave.show(at);
    return playing;
  }
  let shown = false;
  const onplayer = () => {
    if (!mine() && !shown) return;
    shown = mine();
    show();
  };
  player.addEventListener('change', onplayer);
  player.addEventListener('time', onplayer);
  sound.addEventListener('change', show);
  view.release = () => {
    player.removeEventListener('change', onplayer);
    player.removeEventListener('time', onplayer);
    sound.removeEventListener('change', show);
    if (mine()) player.stop();
  };
  show();
  return view;
}
