import path from 'node:path';

const { PATH = '' } = process.env;

/**
 * Where the machine's own programs are. npm puts node_modules/.bin in front, and a package there brings a program called
 * nft that has nothing to do with the firewall; root's programs are missing from the path of some shells.
 */
export const machinePath: string = [
  ...PATH.split(path.delimiter).filter((directory) => !directory.includes('node_modules')),
  '/usr/sbin',
  '/sbin',
].join(path.delimiter);
