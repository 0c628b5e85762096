import pino from 'pino'
import { defineApp } from 'unmoor'

/**
 * Logs into memory, so that an answer can show what was written. The package has a build of its own for
 * browsers, which bundlers for Workers take: its options are those under `browser`.
 */
function logTo(lines: unknown[], options: pino.LoggerOptions = {}): pino.Logger {
  return pino(
    {
      base: null,
      timestamp: false,
      ...options,
      browser: { asObject: true, serialize: true, write: (entry) => void lines.push(entry) },
    },
    { write: (line) => void lines.push(JSON.parse(line)) },
  )
}

/** Without the time, which only one of the two can leave out. */
function plain(lines: readonly unknown[]): unknown {
  return lines.map((line) =>
    Object.fromEntries(
      Object.entries(line as object)
        .filter(([name]) => name !== 'time')
        .sort(([one], [other]) => (one < other ? -1 : 1)),
    ),
  )
}

export default defineApp({
  async fetch(request) {
    const lines: unknown[] = []
    switch (new URL(request.url).pathname) {
      case '/levels': {
        const log = logTo(lines, { level: 'debug' })
        log.trace('not this')
        log.debug('debug')
        log.info({ a: 1, nested: { b: 'ä' } }, 'hello %s %d', 'world', 5)
        log.fatal('fatal')
        break
      }
      case '/child': {
        const child = logTo(lines).child({ request: 'r1' })
        child.info('from the child')
        child.child({ user: 'ada' }).warn({ b: [1, 2] }, 'from its child')
        break
      }
      case '/errors': {
        const describe = ({ name, message }: Error): object => ({ name, message })
        logTo(lines, { serializers: { err: describe } }).error({ err: new RangeError('too much') }, 'failed')
        break
      }
      case '/changed': {
        const log = logTo(lines)
        log.level = 'error'
        log.info('not this')
        log.error('this')
        log.level = 'silent'
        log.fatal('nor this')
        break
      }
      default: {
        const log = pino({ level: 'warn' })
        log.warn({ at: 'default' }, 'to the output')
        const levels = Object.entries(log.levels.values).sort(([, one], [, other]) => one - other)
        return Response.json({ level: log.level, levels })
      }
    }
    return Response.json(plain(lines))
  },
})
