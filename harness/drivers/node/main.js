// A driver of nacos for Node: obeys commands on standard input, tells events on standard output.

import { Console } from 'node:console';
import { createRequire } from 'node:module';

import { Client, describe } from './client.js';
import { VERSION, commands, fail, now, send } from './protocol.js';

const clients = new Map();

async function obey(command) {
  try {
    if (command.command === 'start') {
      clients.set(command.client, new Client(command));
      return;
    }
    const client = clients.get(command.client);
    if (!client) {
      throw new Error(`there is no client ${command.client}`);
    }
    if (!['listen', 'get', 'publish'].includes(command.command)) {
      throw new Error(`the command \`${command.command}\` is not known`);
    }
    await client[command.command](command);
  } catch (error) {
    fail(command, describe(error));
  }
}

// Whatever prints goes to standard error.
globalThis.console = new Console(process.stderr);
// The harness is gone.
process.stdout.on('error', () => process.exit(0));

send('hello', now(), {
  protocol: VERSION,
  driver: 'node',
  sdk: 'nacos',
  sdk_version: createRequire(import.meta.url)('nacos/package.json').version,
  runtime: `Node ${process.version}`,
});
for await (const command of commands()) {
  if (command.command === 'stop') {
    break;
  } else if (command.command === 'clock') {
    send('clock', now());
  } else {
    // Not waited for: no command waits for another.
    obey(command);
  }
}
for (const client of clients.values()) {
  client.close();
}
// A long poll that hangs would keep the process for half a minute more.
process.stdout.write('', () => process.exit(0));
