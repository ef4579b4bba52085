#!/usr/bin/env node
// Runs the command line with a Node that can: the running one, or the one installed beside it in a checkout. In a package it is
// compiled: Node takes no TypeScript from node_modules.
// Plain JavaScript that old versions of Node understand.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const source = new URL('../src/cli.ts', import.meta.url);
const isCheckout = existsSync(source);
const cli = isCheckout ? source : new URL('../dist/cli.js', import.meta.url);
const installed = new URL('../node_modules/node/', import.meta.url);
const needed = '24.12';

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  const [majorNeeded, minorNeeded] = needed.split('.').map(Number);
  return major > majorNeeded || (major === majorNeeded && minor >= minorNeeded);
}

function installedNode() {
  const executable = fileURLToPath(new URL(process.platform === 'win32' ? 'bin/node.exe' : 'bin/node', installed));
  const manifest = new URL('package.json', installed);
  if (!existsSync(executable) || !existsSync(manifest)) return null;
  return isNewEnough(JSON.parse(readFileSync(manifest, 'utf8')).version) ? executable : null;
}

function runWith(executable) {
  const args = [fileURLToPath(cli), ...process.argv.slice(2)];
  if (process.execve !== undefined) process.execve(executable, [executable, ...args], process.env);
  const child = spawn(executable, args, { stdio: 'inherit' });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  // A terminal sends Ctrl-C to both processes: passed on, the child would get it twice.
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of signals) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !onTerminal) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    console.error(`bazar: cannot run ${executable}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}

const newer = isNewEnough(process.versions.node) ? null : installedNode();
if (newer !== null) {
  runWith(newer);
} else if (isNewEnough(process.versions.node)) {
  await import(cli.href);
} else {
  const remedy = isCheckout
    ? `run "npm ci" in ${fileURLToPath(new URL('..', import.meta.url))}, which installs one there`
    : 'install one, from https://nodejs.org for example';
  console.error(`bazar: needs Node ${needed} or newer, this is ${process.versions.node}; ${remedy}`);
  process.exitCode = 1;
}
