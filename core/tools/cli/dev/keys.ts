import { spawn } from 'node:child_process'
import type { Reporter } from '../reporter.ts'

/** Actions for the keys that a user presses in `unmoor dev`. */
export interface DevActions {
  readonly url: string
  /** URL of the page of `unmoor dev`; undefined for none. */
  readonly pageUrl: string | undefined
  reload(): void
}

const HELP =
  'r: build again   o: open in the browser   p: open the page   c: clear the screen   q: stop   h: this help'

/** Listens to the keys of `unmoor dev` if stdin is a terminal. Returns a function that stops listening. */
export function listenToKeys(actions: DevActions, report: Reporter): () => void {
  const { stdin } = process
  if (!stdin.isTTY) return () => {}
  const keys: Readonly<Record<string, () => void>> = {
    r: () => actions.reload(),
    o: () => openBrowser(actions.url, report),
    p: () =>
      actions.pageUrl === undefined
        ? report.info('This unmoor dev has no page (--no-page).')
        : openBrowser(actions.pageUrl, report),
    c: () => void process.stdout.write('\u001B[2J\u001B[H'),
    h: () => report.info(HELP),
    q: stop,
    // In raw mode, the terminal sends Ctrl-C as a character instead of a signal.
    '\u0003': stop,
  }
  const hear = (text: string): void => keys[text]?.()
  stdin.setRawMode(true).setEncoding('utf8').on('data', hear).resume()
  report.info(HELP)
  return () => void stdin.off('data', hear).setRawMode(false).pause()
}

function stop(): void {
  process.kill(process.pid, 'SIGINT')
}

const OPENERS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
}

/** Opens a URL in the machine's browser, and warns if that fails. */
export function openBrowser(url: string, report: Reporter): void {
  const [command, ...args] = OPENERS[process.platform] ?? ['xdg-open']
  spawn(command, [...args, url], { stdio: 'ignore', detached: true })
    .on('error', () => report.warn(`No browser could be opened for ${url}.`))
    .unref()
}
