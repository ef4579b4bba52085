/** Log lines are JSON objects on stderr. Keys, values and tokens of users never go into them. */

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

export interface Logger {
  level: LogLevel;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export function createLogger(options: {
  readonly id: string;
  readonly level: LogLevel;
  readonly write?: (line: string) => void;
  readonly now?: () => Date;
}): Logger {
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const now = options.now ?? (() => new Date());
  const log =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (logLevels.indexOf(level) < logLevels.indexOf(logger.level)) return;
      const line = { time: now().toISOString(), level, id: options.id, message, ...fields };
      write(`${JSON.stringify(line)}\n`);
    };
  const logger: Logger = {
    level: options.level,
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
  };
  return logger;
}

/** Puts fields that change over time, such as the term, on every line. */
export function withContext(logger: Logger, context: () => LogFields): Logger {
  const log = (level: LogLevel) => (message: string, fields?: LogFields) =>
    logger[level](message, { ...context(), ...fields });
  return {
    get level() {
      return logger.level;
    },
    set level(level) {
      logger.level = level;
    },
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
  };
}

export const silentLogger: Logger = {
  level: 'error',
  debug() {},
  info() {},
  warn() {},
  error() {},
};
