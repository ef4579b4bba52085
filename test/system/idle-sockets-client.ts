/** A program of its own: opens so many sockets to a port, says nothing on them, prints how many are open, and waits. */
import net from 'node:net';

const [port, count] = process.argv.slice(2).map(Number);
if (port === undefined || count === undefined) throw new Error('usage: idle-sockets-client.ts PORT COUNT');

let open = 0;
for (let socket = 0; socket < count; socket += 1) {
  await new Promise<void>((resolve, reject) => {
    const connection = net.connect(port, '127.0.0.1');
    connection.once('connect', () => {
      open += 1;
      resolve();
    });
    connection.once('error', reject);
    connection.once('close', () => {
      open -= 1;
    });
  });
}
process.stdout.write(`${open} sockets are open\n`);
