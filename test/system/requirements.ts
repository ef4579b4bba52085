/** What a system test needs of the machine, how to see whether it is there, and how to get it. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { machinePath } from '../cluster/machine.ts';

const tools = {
  chromium: 'apt-get install chromium',
  curl: 'apt-get install curl',
  etcd: 'apt-get install etcd-server',
  git: 'apt-get install git',
  ip: 'apt-get install iproute2',
  k6: 'go install go.k6.io/k6@v1.8.1',
  nft: 'apt-get install nftables',
  nginx: 'apt-get install nginx-light',
  npm: 'it comes with Node.js',
  openssl: 'apt-get install openssl',
  prometheus: 'apt-get install prometheus',
  schemathesis: 'pip install schemathesis==4.32.5, in a venv whose command is in the path',
  wrk: 'apt-get install wrk',
} as const;

export type Requirement = keyof typeof tools | 'root';

export const requirements: readonly Requirement[] = ['root', ...(Object.keys(tools) as (keyof typeof tools)[])];

/** For tests with a network of their own. */
export const namespaces: readonly Requirement[] = ['root', 'ip', 'nft'];

/** Why the requirement is not met, or null. */
export function lack(requirement: Requirement): string | null {
  if (requirement === 'root') return process.getuid?.() === 0 ? null : 'not root';
  return isInstalled(requirement) ? null : `no ${requirement} (${tools[requirement]})`;
}

function isInstalled(tool: string): boolean {
  return machinePath.split(path.delimiter).some((directory) => {
    try {
      accessSync(path.join(directory, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
