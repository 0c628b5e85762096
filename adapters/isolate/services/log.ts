/**
 * Receives a line that an app wrote to its console. The level is one of the console's, or made up by a
 * tenant.
 */
export type GuestLog = (level: string, text: string) => void

// Control characters in an app's log lines are shown escaped. Line breaks stay, indented, so that a tenant
// cannot write lines that look like unmoor's own.
// oxlint-disable-next-line eslint/no-control-regex -- control characters are what this is about
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]/g

function printable(text: string): string {
  return text
    .replace(/\r?\n/g, '\n    ')
    .replace(CONTROL, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const LEVELS: ReadonlySet<string> = new Set(['debug', 'info', 'log', 'warn', 'error'])

/** Returns a line of the host's log as a JSON object, with `app` if an app wrote it. */
export function logRecord(level: string, message: string, app?: string): string {
  return JSON.stringify({
    time: new Date().toISOString(),
    level: LEVELS.has(level) ? level : 'log',
    ...(app === undefined ? {} : { app }),
    message,
  })
}

/** Prints a line of an app's console to stdout, as JSON. */
export function printRecord(app: string, level: string, text: string): void {
  process.stdout.write(`${logRecord(level, text, app)}\n`)
}

/** Prints a line of the process's log: errors and warnings to stderr, all else to stdout. */
export const printLog: GuestLog = (level, text) => {
  const stream = level === 'error' || level === 'warn' ? process.stderr : process.stdout
  stream.write(`${printable(text)}\n`)
}
