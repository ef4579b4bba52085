import test from 'ava';
import { Flights } from '../../src/gateway/flights.ts';
import { ManualClock } from '../store/manual-clock.ts';
import { memoryBytes } from './memory.ts';

function setUp() {
  const clock = new ManualClock();
  const flights = new Flights<string>(clock);
  const fetched = Promise.withResolvers<string>();
  const flight = flights.begin('k', () => fetched.promise);
  return { clock, flights, flight, fetched };
}

test('all who wait have the outcome of a fetch, and the next one is another', async (t) => {
  const { flights, flight, fetched } = setUp();
  t.is(flights.get('k'), flight);
  const waiting = [flight.wait(1000), flight.wait(1000)];
  fetched.resolve('v');
  t.deepEqual(await Promise.all(waiting), ['v', 'v']);
  t.is(flights.get('k'), undefined);
  const next = flights.begin('k', async () => 'w');
  t.true(next.number > flight.number);
  t.is(flights.begun, next.number);
});

test('who waits in vain hears so in time, and the fetch goes on', async (t) => {
  const { clock, flights, flight, fetched } = setUp();
  const [hasty, patient] = [flight.wait(10), flight.wait(1000)];
  await clock.advance(10);
  t.is(await hasty, null);
  t.is(flights.get('k'), flight);
  fetched.resolve('v');
  t.is(await patient, 'v');
});

test('a fetch that throws does so for all who wait, and for nobody else', async (t) => {
  const { clock, flights, flight, fetched } = setUp();
  const hasty = flight.wait(10);
  await clock.advance(10);
  const patient = flight.wait(1000);
  fetched.reject(new Error('a mistake'));
  await t.throwsAsync(patient, { message: 'a mistake' });
  t.is(await hasty, null);
  t.is(flights.get('k'), undefined);
});

test('who waits no more leaves nothing behind, however long the fetch goes on', async (t) => {
  const { clock, flights, flight } = setUp();
  const wait = async (count: number) => {
    for (let nth = 0; nth < count; nth += 100) {
      const waiting = Array.from({ length: 100 }, () => flight.wait(1));
      await clock.advance(1);
      await Promise.all(waiting);
    }
  };
  await wait(1000);
  const before = memoryBytes();
  await wait(10_000);
  const keptBytes = (memoryBytes() - before) / 10_000;
  t.true(keptBytes < 100, `${keptBytes} bytes each`);
  t.is(flights.get('k'), flight);
});
