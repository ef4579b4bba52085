export default {
  files: ['test/system/**/*.system.ts'],
  extensions: ['ts'],
  // They measure, and they load the machine: one at a time.
  concurrency: 1,
  timeout: '10m',
  workerThreads: false,
};
