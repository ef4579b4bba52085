/** Certificates for 127.0.0.1, made by tls/make.sh. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const certificate = (name: string): string => fileURLToPath(new URL(`tls/${name}`, import.meta.url));

/** Who signed them. */
export const authority = readFileSync(certificate('ca.pem'));
