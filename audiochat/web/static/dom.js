// Elements, made without markup: what a model or a file name says can only ever be text.

/** An element: h('button', {class: 'icon', onclick: play}, icon('play'), 'Play'). */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** A sign of the sprite in index.html. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Let an element show another sign. */
export function setIcon(element, name) {
  element.querySelector('use').setAttribute('href', `#i-${name}`);
}

/** A button that is a sign. */
export function iconButton(name, label, onclick, more = {}) {
  return h('button', { type: 'button', class: 'icon', 'aria-label': label, title: label, onclick, ...more }, icon(name));
}

export const byId = (id) => document.getElementById(id);

/** Whether a finger points, for which the keyboard on the screen would cover the page. */
export const byFinger = () => matchMedia('(pointer: coarse)').matches;

/** Give the focus to the question, so that the keyboard can go on where a button went away. */
export function focusQuestion() {
  if (!byFinger()) byId('text').focus();
}

/** Copy text; the button that was pressed says so for a moment. */
export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (!copySelected(text, button)) return;
  }
  const { ariaLabel } = button;
  button.classList.add('done');
  button.ariaLabel = 'Copied';
  setTimeout(() => {
    button.classList.remove('done');
    button.ariaLabel = ariaLabel;
  }, 1500);
}

/** Copy where the browser gives no clipboard: to a page that came over plain http from another machine. */
function copySelected(text, button) {
  const area = h('textarea', { class: 'unseen', 'aria-hidden': 'true', tabindex: -1 });
  area.value = text;
  button.after(area); // inside of the dialog, where there is one: nothing else takes the focus then
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  button.focus();
  return done;
}

/** Seconds as 1:05. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 0.05));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** "1 token", "2 tokens". */
export function count(number, noun) {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

/** A moment (seconds since 1970) as people say it: today's by the time, older ones by the day. */
export function moment(seconds) {
  const then = new Date(seconds * 1000);
  const now = new Date();
  if (then.toDateString() === now.toDateString()) {
    return then.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  }
  const year = then.getFullYear() === now.getFullYear() ? undefined : 'numeric';
  return then.toLocaleDateString([], { day: 'numeric', month: 'short', year });
}
