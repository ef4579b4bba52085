/** For machines that watch over this one. */
import { z } from 'zod';
import { members } from './common.ts';

export const versionAnswer = members({
  version: z.string().meta({ description: 'Of Bazar.', example: '0.1.0' }),
  node: z.string().meta({ description: 'Of Node.js.', example: '24.12.0' }),
}).meta({ id: 'Version' });

export type VersionAnswer = z.output<typeof versionAnswer>;
