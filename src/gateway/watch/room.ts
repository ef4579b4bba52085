/** Large changes that wait for their readers, within a bound: one that many are sent is in memory once, and counts once. */
import { type Turn, Turns } from './turns.ts';

interface User {
  readonly begin: (turn: Turn) => void;
  readonly turn: Turn;
}

interface Place {
  readonly users: Set<User>;
  granted: boolean;
  turn: Turn | null;
}

export class Room {
  readonly #turns: Turns;
  readonly #places = new Map<Buffer, Place>();

  constructor(bytesMax: number) {
    this.#turns = new Turns(bytesMax);
  }

  /** As `ask` of Turns. */
  ask(bytes: Buffer, begin: (turn: Turn) => void): Turn {
    const user: User = { begin, turn: { done: () => this.#leave(bytes, user) } };
    const known = this.#places.get(bytes);
    if (known !== undefined) {
      known.users.add(user);
      if (known.granted) begin(user.turn);
      return user.turn;
    }
    const place: Place = { users: new Set([user]), granted: false, turn: null };
    this.#places.set(bytes, place);
    place.turn = this.#turns.ask(bytes.byteLength, (turn) => {
      place.turn = turn;
      place.granted = true;
      for (const each of place.users) each.begin(each.turn);
    });
    return user.turn;
  }

  #leave(bytes: Buffer, user: User): void {
    const place = this.#places.get(bytes);
    if (place === undefined || !place.users.delete(user) || place.users.size > 0) return;
    this.#places.delete(bytes);
    place.turn?.done();
  }
}
