/** Several gateways, for commands that outlive one. */
import { httpUrl, type Kind } from '../config.ts';

export const urls: Kind<readonly URL[]> = {
  placeholder: 'URL[,URL…]',
  parse: (value) => value.split(',').map((url) => httpUrl.parse(url.trim())),
};
