// Lines in, lines out: the driver protocol (`docs/driver-protocol.md`) on the standard streams.

import { createHash } from 'node:crypto';

export const VERSION = 1;

/** CLOCK_MONOTONIC in nanoseconds; a double holds 104 days of them to the last, and later ones to the next even. */
export function now() {
  return Number(process.hrtime.bigint());
}

/** Sends what happened at `at`; events with content get its MD5. */
export function send(event, at, keys = {}) {
  const line = { event, at, ...keys };
  if (typeof line.content === 'string') {
    line.md5 = createHash('md5').update(line.content, 'utf8').digest('hex');
  }
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Answers a command that failed with what identifies it. */
export function fail(command, message) {
  const { client, id, key } = command;
  send('failed', now(), { client, id, key, command: String(command.command), message });
}

/** The commands, until standard input ends. A line ends with `\n` and nothing else, as `readline` would have it. */
export async function* commands() {
  let parts = [];
  for await (const chunk of process.stdin) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      yield JSON.parse(Buffer.concat(parts).toString('utf8'));
      parts = [];
      start = end + 1;
    }
    parts.push(chunk.subarray(start));
  }
}
