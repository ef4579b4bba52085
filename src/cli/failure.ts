/** How commands end. Scripts rely on these numbers. */
export const exitCodes = {
  ok: 0,
  error: 1,
  usage: 2,
  notFound: 3,
  precondition: 4,
  unavailable: 5,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** An expected way for a command not to do what it was asked: one line for a person, and a code for a script. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = exitCodes.error) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Not wrong in any way: a command that ran another program ends as that did, and has nothing to add. */
export class EndedAs extends Error {
  override readonly name = 'EndedAs';
  /** 1 to 255. */
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`ended with code ${exitCode}`);
    this.exitCode = exitCode;
  }
}
