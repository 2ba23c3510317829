/** The log is a stream of events: a fixed kebab-case name and fields. */

export const logLevels = ['error', 'warn', 'info', 'debug'] as const
/** `error`: a person must act; `warn`: odd or to be retried; `info`: something outside changed; `debug`: the rest. */
export type LogLevel = (typeof logLevels)[number]

/** Values that may stand in a log record: no keys, no secrets. */
export type LogFields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

/** Takes events. Never throws. */
export type Logger = (level: LogLevel, event: string, fields?: LogFields) => void

/** A logger that drops everything. */
export const silentLogger: Logger = () => {}
