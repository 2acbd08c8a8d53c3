/**
 * Where the library says what it does. The shape of pino, winston and console.
 * @since 0.1.0
 */
export interface Logger {
  debug(o: object, message?: string): void
  info(o: object, message?: string): void
  warn(o: object, message?: string): void
  error(o: object, message?: string): void
}

const line = (level: string, o: object, message = ''): void => {
  process.stderr.write(`millrace ${level} ${message} ${JSON.stringify(o)}\n`)
}

/** Default: warnings and errors, a line each, on stderr. */
export const stderrLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (o, message) => line('warn', o, message),
  error: (o, message) => line('error', o, message),
}

/** What the parts of an app say it with. `warnOnce`: once in its life for one `what`. */
export interface Logging {
  readonly logger: Logger
  readonly warnOnce: (what: string, o: object, message: string) => void
}
export const logging = (logger: Logger): Logging => {
  const told = new Set<string>()
  const warnOnce: Logging['warnOnce'] = (what, o, message) => {
    if (told.has(what)) return
    told.add(what)
    logger.warn(o, message)
  }
  return { logger, warnOnce }
}
