import { existsSync } from 'node:fs';
import { ConfigError, integer, path, required, withDefault } from '../config.ts';
import { clusterFileIn, defaultBasePort, keyFileIn, members, planOf, writeCluster } from './cluster-plan.ts';
import { defineCommand } from './command.ts';

export const command = defineCommand({
  name: 'init',
  summary: 'Make the cluster file and the keys of a new cluster.',
  details: `Replica k listens for RPC (UDP) on its first port, default base-port + k, and for HTTP on its second,
default base-port + 100 + k; gateway k for HTTP on its port, default 8080 + k - 1. Hand cluster.json
to every machine, and each ID.key only to the machine of that id. Nothing is ever overwritten.`,
  arguments: {},
  options: {
    replicas: required(members(2), 'The replicas: RPC port, then HTTP port.'),
    gateways: required(members(1), 'The gateways.'),
    out: required(path('DIR'), 'Where cluster.json and the keys go.'),
    basePort: withDefault(integer('PORT', 1, 65535), `${defaultBasePort}`, 'What the default ports count from.'),
  },
  async run({ replicas, gateways, out, basePort }, { stdout }) {
    const ids = [...replicas, ...gateways].map(({ id }) => id);
    const files = [clusterFileIn(out), ...ids.map((id) => keyFileIn(out, id))];
    const existing = files.find((file) => existsSync(file));
    if (existing !== undefined) {
      throw new ConfigError(`${existing} exists, and nothing is ever overwritten; choose another --out directory`);
    }
    const cluster = await writeCluster(planOf(replicas, gateways, basePort), out);
    stdout.write(`cluster ${cluster.clusterId}\n${files.map((file) => `wrote ${file}\n`).join('')}`);
  },
});
