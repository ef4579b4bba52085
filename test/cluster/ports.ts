import dgram from 'node:dgram';
import net from 'node:net';

/**
 * Below the range from which Linux takes the ports of outgoing connections: a client must not be given the port of a
 * replica that is down for a moment.
 */
const firstPort = 10_000;
const endPort = 32_000;

/** The first of `count` consecutive loopback ports that are free for TCP and UDP. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const first = firstPort + Math.floor(Math.random() * (endPort - firstPort - count));
    const ports = Array.from({ length: count }, (_, offset) => first + offset);
    const free = await Promise.all(ports.map(async (port) => (await isTcpFree(port)) && (await isUdpFree(port))));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`found no ${count} free consecutive ports from ${firstPort} to ${endPort}`);
}

function isTcpFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function isUdpFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
}
