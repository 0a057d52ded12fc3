import { connect, createServer, type Server } from 'node:net';

export interface InstanceLock {
  release(): void;
}

/**
 * One agent a network namespace, which is one a node where it runs in the host's: two would pay twice and report
 * everything twice. An abstract unix socket, so that nothing is left behind however the process ends; whoever connects
 * is told the holder's pid. Rejects with code `EBUSY`.
 */
export async function lockInstance(name: string): Promise<InstanceLock> {
  const address = `\0${name}`;
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(String(process.pid));
  });
  try {
    await listen(server, address);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    const holder = await ask(address);
    throw Object.assign(
      new Error(`another earshot (pid ${holder}) is attached to this node: stop it first`, { cause }),
      { code: 'EBUSY' },
    );
  }
  server.unref();
  return { release: () => void server.close() };
}

function listen(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, resolve);
  });
}

function ask(address: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(address);
    let text = '';
    socket.setTimeout(1000, () => socket.destroy());
    socket.on('data', (data) => {
      text += data;
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(text || 'unknown'));
  });
}
