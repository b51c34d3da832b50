/**
 * A server that demands client certificates and that is flooded: bare, or under the preload by its parent's `execArgv`.
 * It is told by IPC what to say of itself, and ends by itself when its parent lets go.
 */
import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import * as tls from 'node:tls';
import type { Credentials } from './protocol';

/** What it has come to: connections that are over, CPU time in microseconds, bytes that cannot be collected. */
export interface Toll {
  readonly over: number;
  readonly cpu: number;
  readonly held: number;
}

export type Question = 'toll' | 'held' | 'end';

const credentials = JSON.parse(process.env['FLOOD_CREDENTIALS'] ?? '') as Credentials;
let over = 0;

const server = tls.createServer(
  {
    key: credentials.serverKey,
    cert: credentials.serverCertificate,
    ca: credentials.authority,
    requestCert: true,
    rejectUnauthorized: true,
  },
  socket => socket.on('error', () => {}).end('.'),
);
server.on('connection', socket => socket.once('close', () => over++));
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as { port: number }).port }));

process.on('message', (question: Question) => {
  void answer(question);
});

async function answer(question: Question): Promise<void> {
  if (question === 'end') {
    server.close();
    process.disconnect();
    return;
  }
  const held = question === 'held' ? await bytesHeld() : 0;
  const { user, system } = process.cpuUsage();
  process.send?.({ over, cpu: user + system, held } satisfies Toll);
}

/** What is still held when everything that can be collected is. */
async function bytesHeld(): Promise<number> {
  for (let times = 0; times < 4; times++) {
    await turn();
    globalThis.gc?.();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

// Without this the first to hash something would pay for the provider being loaded.
createHash('sha256').update('').digest();
