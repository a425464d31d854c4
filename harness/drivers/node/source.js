// Where a value came from.
//
// The SDK asks a server, and saves what it says; when that fails it takes what it once saved, and tells both alike. So its
// folder of snapshots is watched: the last thing done with an item's file, written or read, is where its value came from.

import nacos from 'nacos';

const { DataClient, Snapshot } = nacos;

class WatchedSnapshot extends Snapshot {
  sources = new Map();

  async get(key) {
    const content = await super.get(key);
    if (content !== null) {
      this.sources.set(key, 'snapshot');
    }
    return content;
  }

  async save(key, content) {
    this.sources.set(key, 'server');
    await super.save(key, content);
  }
}

/**
 * The SDK's client with a watched folder of snapshots.
 *
 * `NacosConfigClient` is this one behind `cluster-client`: the first client of a host that gets port 7777 serves all others,
 * whatever servers they were given. Here each is a host of its own.
 */
export class WatchedClient extends DataClient {
  // Meant to be overridden, the SDK says.
  getSnapshot() {
    return new WatchedSnapshot(this.options);
  }

  /** Where the item's last value came from. */
  source({ data_id, group }) {
    const key = this.getClient().getSnapshotKeyEncoded(data_id, group);
    return this.snapshot.sources.get(key) ?? 'unknown';
  }
}
