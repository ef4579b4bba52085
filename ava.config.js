export default {
  files: ['test/**/*.test.ts', '!test/cluster/**'],
  extensions: ['ts'],
  timeout: '60s',
  workerThreads: false,
};
