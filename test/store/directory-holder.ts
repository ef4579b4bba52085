/** Opens the data directory it is given, says so on stdout, and holds it until it is killed. */
import { openDataDirectory } from '../../src/store/data-directory.ts';
import { levelDisk } from '../../src/store/disk-level.ts';

const [path = ''] = process.argv.slice(2);
await openDataDirectory(levelDisk, path, { clusterId: 'c', replicaId: 'r1', newUuid: () => 'uuid' });
process.stdout.write(`${process.pid}\n`);
process.stdin.resume();
