/** Purges. */
import { z } from 'zod';
import { memberId } from './cluster.ts';
import { count, members } from './common.ts';

const purged = count.meta({ description: 'How many answers went.', example: 3 });

export const purgeAnswer = members({
  purged,
  gateways: z.array(members({ id: memberId, purged })),
}).meta({ id: 'Purged' });

export type PurgeAnswer = z.output<typeof purgeAnswer>;
