// The page's own routes. Every answer is JSON, or an error in the service's shape with a hint beside it.

/** What the server, or the way to it, refuses. */
export class ApiError extends Error {
  constructor(message, { hint = null, code = null, status = 0 } = {}) {
    super(message);
    Object.assign(this, { hint, code, status });
  }
}

const GONE = 'The playground does not answer.';
const RESTART = "Look whether it still runs in its terminal; if not, start 'audiochat playground' again.";

async function request(method, path, body, more = {}) {
  const init = { method, credentials: 'same-origin', headers: {}, ...more };
  if (body !== undefined) {
    init.headers['content-type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, init);
  } catch (failure) {
    if (failure.name === 'AbortError') throw failure;
    throw new ApiError(GONE, { hint: RESTART, code: 'gone' });
  }
  if (response.ok) return response;
  let told = {};
  try {
    told = (await response.json()).error ?? {};
  } catch { /* a proxy's page, not ours */ }
  throw new ApiError(told.message ?? `The playground answered ${response.status}.`, { ...told, status: response.status });
}

const json = async (...given) => (await request(...given)).json();
const session = (name) => `/page/sessions/${encodeURIComponent(name)}`;

// A token buys one cookie: it arrives although the page is left or loaded again meanwhile.
export const signIn = (token) => request('POST', '/page/sign-in', { token }, { keepalive: true });
export const state = () => json('GET', '/page/state');
export const models = () => json('GET', '/page/models');
export const sessions = (query) => json('GET', `/page/sessions?q=${encodeURIComponent(query)}`);
export const openSession = (name) => json('GET', session(name));
export const renameSession = (name, to) => json('PATCH', session(name), { name: to });
export const removeSession = (name) => json('DELETE', session(name));
export const exportAddress = (name, format) => `${session(name)}/export?format=${format}`;
export const requestAsText = (turn) => json('POST', '/page/request', turn);

/** The bytes of a sound. */
export const sound = async (address) => (await request('GET', address)).arrayBuffer();

/** Take a turn; gives the events of its answer as they come. Aborting `signal` ends the request on the server too. */
export async function* takeTurn(turn, signal) {
  const response = await request('POST', '/page/turns', turn, { signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const events = (rest + value).split('\n\n');
      rest = events.pop();
      for (const event of events) {
        if (event.startsWith('data: ')) yield read(JSON.parse(event.slice(6)));
      }
    }
  } catch (failure) {
    if (signal.aborted || failure instanceof ApiError) throw failure;
    throw new ApiError('The connection to the playground broke in the middle of the answer.', { hint: RESTART, code: 'gone' });
  } finally {
    reader.cancel().catch(() => {});
  }
}

function read(event) {
  if (event.error) throw new ApiError(event.error.message, event.error); // the server is being stopped
  return event;
}

/** Bytes in base64, of any length. */
export function toBase64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
    reader.onerror = () => reject(new ApiError('The file cannot be read.', { hint: 'Attach it again.' }));
    reader.readAsDataURL(blob);
  });
}

/** Samples (24,000 a second) of what an event carries: 16 bits, in base64. */
export function fromPcm(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const samples = new Float32Array(bytes.length >> 1);
  for (let index = 0; index < samples.length; index += 1) samples[index] = view.getInt16(2 * index, true) / 32768;
  return samples;
}
