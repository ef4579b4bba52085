/** A progress bar for terminals, and one closing line for everyone. */

export interface Progress {
  /** Draws, but not more often than ten times a second. */
  update(state: ProgressState): void;
  /** Replaces the bar by the closing line. */
  finish(summary: string): void;
}

export interface ProgressState {
  /** Rows so far, those of earlier runs included. */
  readonly rows: number;
  readonly errors: number;
  /** From 0 to 1; null where the end is not known. */
  readonly fraction: number | null;
}

const drawIntervalMs = 100;
const barWidth = 24;

export function createProgress(options: {
  readonly stream: { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown };
  /** Rows and fraction at the start: speed and ETA count what this run has done. */
  readonly start: ProgressState;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}): Progress {
  const { stream, start } = options;
  const now = options.now ?? (() => performance.now());
  const startedAt = now();
  let drawnAt = Number.NEGATIVE_INFINITY;
  const eraseLine = '\r\u001b[K';
  return {
    update(state) {
      if (!stream.isTTY || now() - drawnAt < drawIntervalMs) return;
      drawnAt = now();
      const line = progressLine(start, state, (drawnAt - startedAt) / 1000);
      stream.write(`${eraseLine}${line.slice(0, (stream.columns ?? 80) - 1)}`);
    },
    finish(summary) {
      stream.write(`${stream.isTTY ? eraseLine : ''}${summary}\n`);
    },
  };
}

/** `[#########---------------]  38 %  3,800 rows  12,345 rows/s  ETA 5 s  2 errors`. */
export function progressLine(start: ProgressState, state: ProgressState, seconds: number): string {
  const rate = seconds > 0 ? (state.rows - start.rows) / seconds : 0;
  const parts = [`${count(state.rows)} rows`, `${count(Math.round(rate))} rows/s`];
  if (state.fraction !== null) {
    const filled = Math.round(state.fraction * barWidth);
    const percent = `${Math.floor(state.fraction * 100)}`.padStart(3);
    parts.unshift(`[${'#'.repeat(filled).padEnd(barWidth, '-')}] ${percent} %`);
    parts.push(`ETA ${eta(state.fraction - (start.fraction ?? 0), 1 - state.fraction, seconds)}`);
  }
  if (state.errors > 0) parts.push(`${count(state.errors)} errors`);
  return parts.join('  ');
}

export const count = (number: number): string => number.toLocaleString('en-US');

function eta(done: number, left: number, seconds: number): string {
  if (done <= 0) return '-';
  const secondsLeft = Math.ceil((seconds * left) / done);
  return secondsLeft < 60 ? `${secondsLeft} s` : `${Math.floor(secondsLeft / 60)} min ${secondsLeft % 60} s`;
}
