import test from 'ava';
import { originalError, StartError } from '../../src/store/errors.ts';

test('what went wrong first is told, though closing up failed as well', async (t) => {
  const first = new StartError('logUnavailable', 'the log cannot be opened');
  const start = async () => {
    await using closing = new AsyncDisposableStack();
    closing.defer(() => Promise.reject(new Error('the lock cannot be removed')));
    closing.defer(() => Promise.reject(new Error('the database cannot be closed')));
    throw first;
  };
  t.is(originalError(await t.throwsAsync(start(), { instanceOf: SuppressedError })), first);
  t.is(originalError(first), first);
});
