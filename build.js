// Makes dist/ of src/: JavaScript with its types, and what stands beside it.
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const pathOf = (name) => fileURLToPath(new URL(name, import.meta.url));
const compiler = pathOf('node_modules/typescript/bin/tsc');

rmSync(pathOf('dist'), { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [compiler, '-p', pathOf('tsconfig.build.json')], { stdio: 'inherit' });
if (status === 0) {
  const isAsset = (path) => statSync(path).isDirectory() || !/\.(?:ts|md)$/.test(path);
  cpSync(pathOf('src'), pathOf('dist'), { recursive: true, filter: isAsset });
}
process.exitCode = status ?? 1;
