/** Log lines in the forms of Lambda's logging settings, each with the request that it belongs to. */
import process from 'node:process'

/** The Lambda event that the current code belongs to. */
export interface Current {
  readonly requestId: string
  /** X-Ray header of the Lambda event: `Root=1-...;Parent=...;Sampled=0`. */
  readonly traceId: string | undefined
}

/**
 * Associates log lines with the Lambda event that they belong to, also after awaits and with several events
 * at once.
 */
export interface Logs {
  run<T>(current: Current, work: () => T): T
}

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const
type Level = (typeof LEVELS)[number]

const METHODS = {
  trace: 'TRACE',
  debug: 'DEBUG',
  info: 'INFO',
  log: 'INFO',
  warn: 'WARN',
  error: 'ERROR',
} as const satisfies Record<string, Level>

/**
 * Makes `console` write in the form of AWS_LAMBDA_LOG_FORMAT, as AWS's own client does. `JSON`: one object a
 * line with `timestamp`, `level`, `requestId`, `traceId` and `message` (for an error also `errorType`,
 * `errorMessage`, `stackTrace`). `Text`: these fields before the message, separated by tabs. Line breaks
 * within a message become `\r`, so that CloudWatch keeps an entry together. Entries below
 * AWS_LAMBDA_LOG_LEVEL are dropped. Without AWS_LAMBDA_LOG_FORMAT, so outside of Lambda, `console` stays
 * unchanged.
 */
export function installLogs(variable: (name: string) => string | undefined): Logs {
  const format = variable('AWS_LAMBDA_LOG_FORMAT')?.toUpperCase()
  if (format !== 'JSON' && format !== 'TEXT') return { run: (_, work) => work() }
  const { AsyncLocalStorage } = process.getBuiltinModule('node:async_hooks')
  const storage = new AsyncLocalStorage<Current>()
  const lowest = LEVELS.findIndex((level) => level === variable('AWS_LAMBDA_LOG_LEVEL')?.toUpperCase())
  for (const [method, level] of Object.entries(METHODS) as [keyof typeof METHODS, Level][]) {
    const dropped = LEVELS.indexOf(level) < lowest
    console[method] = (...values: unknown[]) => {
      if (dropped) return
      const line =
        format === 'JSON'
          ? jsonLine(level, storage.getStore(), values)
          : textLine(level, storage.getStore(), values)
      process.stdout.write(`${line.replaceAll('\n', '\r')}\n`)
    }
  }
  return { run: (current, work) => storage.run(current, work) }
}

function textLine(level: Level, current: Current | undefined, values: readonly unknown[]): string {
  return [new Date().toISOString(), current?.requestId ?? '', level, format(values)].join('\t')
}

function jsonLine(level: Level, current: Current | undefined, values: readonly unknown[]): string {
  const error = values.find((value) => value instanceof Error)
  const facts = {
    timestamp: new Date().toISOString(),
    level,
    requestId: current?.requestId,
    traceId: root(current?.traceId),
    ...(error === undefined
      ? {}
      : { errorType: error.name, errorMessage: error.message, stackTrace: error.stack?.split('\n') }),
  }
  // A single JSON value that is logged stays JSON, so that log queries can use its fields.
  if (values.length === 1 && error === undefined) {
    try {
      return JSON.stringify({ ...facts, message: values[0] })
    } catch {
      // A logged value with a cycle or a bigint is written as text.
    }
  }
  return JSON.stringify({ ...facts, message: format(values) })
}

function format(values: readonly unknown[]): string {
  return process.getBuiltinModule('node:util').format(...values)
}

function root(traceId: string | undefined): string | undefined {
  return traceId === undefined ? undefined : (/\bRoot=([^;]+)/.exec(traceId)?.[1] ?? traceId)
}
