/** What every refusal looks like (RFC 9457). */
import { z } from 'zod';

export const problem = z
  .looseObject({
    type: z.string().meta({ description: 'Always about:blank: `code` tells what it is.', example: 'about:blank' }),
    title: z.string().meta({ description: 'The status in words.', example: 'Bad Request' }),
    status: z.int().min(400).max(599).meta({ description: 'As the status of the answer.', example: 400 }),
    detail: z.string().meta({
      description: 'For people: what was wrong, what was expected, what to do. It may change.',
      example: 'query parameter "limit": expected a whole number from 1 to 1000, got "0"',
    }),
    code: z
      .string()
      .regex(/^[a-z_]+$/)
      .meta({ description: 'For programs: it does not change.', example: 'bad_parameter' }),
    outcome: z.exactOptional(
      z.enum(['not_applied', 'unknown']).meta({
        description: 'What became of a write: nothing was changed, or nobody could say in time.',
        example: 'not_applied',
      }),
    ),
    path: z.exactOptional(
      z.string().meta({
        description: 'What is at fault: a JSON pointer into the body, or the name of a parameter.',
        example: '/quantity',
      }),
    ),
  })
  .meta({ id: 'Problem', description: 'A refusal, or a failure (RFC 9457). Some have further members.' });

export type Problem = z.output<typeof problem>;
