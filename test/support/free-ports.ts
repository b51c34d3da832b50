import { createServer } from 'node:net';

/**
 * So many free ports of 127.0.0.1. They are below the range from which the system takes ports for outgoing connections,
 * so a program that is stopped finds its port free again when it comes back, and where nobody is to listen no server comes
 * that asked for any port.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const candidate = 20_000 + Math.floor(Math.random() * 12_000);
    if (!ports.has(candidate) && (await isFree(candidate))) ports.add(candidate);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
