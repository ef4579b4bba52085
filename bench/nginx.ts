/** nginx with one worker and `proxy_cache`, its cache in a directory of its own. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startChild } from '../test/cluster/child.ts';
import { runCommand } from '../test/cluster/command.ts';
import { createHttpClient } from '../test/cluster/http-client.ts';
import { freePorts } from '../test/cluster/ports.ts';
import { scratchDirectory } from '../test/cluster/scratch.ts';
import { waitFor } from '../test/cluster/wait.ts';

export interface Nginx {
  readonly version: string;
  readonly url: string;
  close(): Promise<void>;
}

/** `origin` is where it asks for what it has not got: a URL without a path. */
export async function startNginx(origin: string): Promise<Nginx> {
  const directory = await scratchDirectory();
  const port = await freePorts(1);
  const temporary = path.join(directory, 'temporary');
  const configuration = path.join(directory, 'nginx.conf');
  await mkdir(temporary);
  await writeFile(configuration, configurationOf(directory, port, origin));
  const errors = path.join(directory, 'error.log');
  const logFile = path.join(directory, 'output.log');
  // Its worker names no directory on its command line: it is found by the one it runs in.
  const child = startChild(['nginx', '-e', errors, '-c', configuration], { logFile, directory });
  const close = async () => {
    // The master takes its worker with it, unless it is killed.
    await child.end('SIGTERM');
    await rm(directory, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  const client = createHttpClient(url);
  try {
    const answers = async () => {
      if (child.ending() !== null) throw new Error(`nginx ended: ${child.output()}`);
      return (await client.request('GET', '/livez').catch(() => null))?.status === 200;
    };
    await waitFor(answers, { description: 'nginx to serve HTTP' });
    // It tells its version on stderr.
    const { stderr } = await runCommand(['nginx', '-v']);
    return { version: /nginx\/(\S+)/.exec(stderr)?.[1] ?? 'of unknown version', url, close };
  } catch (error) {
    await close();
    throw error;
  } finally {
    client.close();
  }
}

/** As Debian ships it, but: one worker, connections that stay, no access log, and the origin's `no-cache` not heeded. */
function configurationOf(directory: string, port: number, origin: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${directory}/temporary/${kind};`,
  );
  return `
    ${process.getuid?.() === 0 ? 'user root root;' : ''}
    daemon off;
    worker_processes 1;
    pid ${directory}/nginx.pid;
    events { worker_connections 1024; }
    http {
      access_log off;
      sendfile on;
      tcp_nopush on;
      keepalive_requests 1000000000;
      ${temporary.join('\n')}
      proxy_cache_path ${directory}/cache levels=1:2 keys_zone=hot:10m;
      upstream origin {
        server ${new URL(origin).host};
        keepalive 64;
      }
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass http://origin;
          proxy_http_version 1.1;
          proxy_set_header Connection "";
          proxy_cache hot;
          proxy_cache_valid 200 1d;
          proxy_ignore_headers Cache-Control Expires;
          add_header X-Cache $upstream_cache_status;
        }
      }
    }
  `;
}
