// One client of the SDK, as an application would have it.

import { now, send } from './protocol.js';
import { WatchedClient } from './source.js';

export class Client {
  #number;
  #sdk;

  constructor({ client, servers, namespace, cache, username, password }) {
    this.#number = client;
    this.#sdk = new WatchedClient({
      serverAddr: servers.join(','),
      namespace: namespace || undefined,
      cacheDir: cache,
      username,
      password,
    });
    this.#sdk.on('error', error => console.error(describe(error)));
    this.#send('started', now());
  }

  listen({ key }) {
    this.#sdk.subscribe({ dataId: key.data_id, group: key.group }, content => {
      const at = now();
      // An absent item is null; in the snapshots it is an empty file.
      if (content) {
        this.#send('value', at, { key, content, source: this.#sdk.source(key) });
      } else {
        this.#send('gone', at, { key });
      }
    });
    this.#send('listening', now(), { key });
  }

  // The SDK takes no time-out: after its own one, 5 s, it answers from its snapshot.
  async get({ key, id }) {
    const content = await this.#sdk.getConfig(key.data_id, key.group);
    const at = now();
    const told = content ? { content } : { content: null, md5: null };
    this.#send('got', at, { id, ...told, source: this.#sdk.source(key) });
  }

  async publish({ key, id, content }) {
    await this.#sdk.publishSingle(key.data_id, key.group, content);
    this.#send('published', now(), { id });
  }

  close() {
    this.#sdk.close();
  }

  #send(event, at, keys) {
    send(event, at, { client: this.#number, ...keys });
  }
}

/** What an error says, without the request's data: the password is among them. */
export function describe(error) {
  return `${error.name}: ${error.message}`.replace(/, data: .*$/s, '').replace(/\?\S*/g, '');
}
