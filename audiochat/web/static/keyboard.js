// Keys: those of the text, and those of the page while no text is typed.

import { byId } from './dom.js';
import { showKeys } from './dialogs.js';

const WRITES = 'input, textarea, select, [contenteditable]';
const PRESSES = 'button, a, summary, [role=slider], input[type=range]';

/** Wire the keys to the parts of the page. */
export function wireKeys({ composer, conversation, player, begin }) {
  let held = false;

  byId('text').addEventListener('keydown', (event) => {
    // While an input method composes, Enter takes what it offers.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      if (!event.repeat) composer.submit();
    } else if (event.code === 'Space' && event.repeat && composer.blank) {
      // The focus is here when the page opens, and after each turn: a space that is held before any word is no text.
      event.preventDefault();
      composer.text.value = '';
      talk();
    } else if (event.key === '?' && composer.blank) {
      event.preventDefault();
      showKeys();
    }
  });

  document.addEventListener('keydown', (event) => {
    if (event.isComposing || byId('dialog').open) return;
    if (event.key === 'Enter' && event.repeat && !event.target.closest('textarea')) {
      event.preventDefault(); // held too long after it ended a recording: no button is pressed again and again
    } else if (event.key === 'Escape') {
      escape(event);
    } else if (event.altKey && event.code === 'KeyR') {
      event.preventDefault();
      if (!event.repeat) composer.toggle();
    } else if (composer.recording && event.key === 'Enter') {
      event.preventDefault();
      composer.submit();
    } else if (!event.target.closest(WRITES) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      alone(event);
    }
  });

  document.addEventListener('keyup', (event) => {
    if (event.code === 'Space' && held) release();
  });
  window.addEventListener('blur', () => held && release()); // another window gets the key's end then

  function talk() {
    if (composer.recording || composer.busy) return;
    held = true;
    composer.record();
  }

  function release() {
    held = false;
    if (composer.recording) composer.finish();
  }

  function escape(event) {
    const menu = document.querySelector('details.menu[open]');
    if (menu) menu.open = false;
    else if (composer.recording) composer.discard();
    else if (conversation.stop()) event.preventDefault();
    else if (!byId('shade').hidden) byId('shade').click();
    held = false;
  }

  function alone(event) {
    if (event.code === 'Space' && !event.target.closest(PRESSES)) {
      event.preventDefault(); // no scrolling
      if (!event.repeat) talk();
    } else if (event.key === '?') showKeys();
    else if (event.key === '/') {
      event.preventDefault();
      byId('search').focus();
    } else if (event.key === 'n') begin();
    else if (event.key === 'p') {
      if (player.state === 'playing') player.pause();
      else if (player.state === 'paused') player.play(player.sound, player.position);
    }
  }
}
