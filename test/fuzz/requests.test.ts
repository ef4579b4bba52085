import test from 'ava';
import { fuzzRequests } from './requests/run.ts';

test('whatever is asked is answered as the document says, and never by a failure', async (t) => {
  t.timeout(300_000);
  const seed = Math.floor(Math.random() * 2 ** 31);
  t.log(`npm run fuzz -- --requests 2000 --seed ${seed}`);
  const { statuses, complaints } = await fuzzRequests({ requests: 2000, seed });
  t.deepEqual([...complaints], []);
  // Most of what is sent makes sense.
  for (const status of [200, 201, 304, 400, 404, 409, 412, 422]) t.true((statuses.get(status) ?? 0) > 0, `${status}`);
  t.true((statuses.get(200) ?? 0) > 200);
});
