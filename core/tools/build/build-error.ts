import { stripVTControlCharacters } from 'node:util'
import { UnmoorError } from '../../errors.ts'
import { configError } from './config-check.ts'
import { ENTRY_ID } from './resolve-plugin.ts'

/** Characters of a line that are printed: a frame of a minified file would be all of it. */
const MOST = 200
/** Characters that are printed before the place that a frame marks. */
const BEFORE = 80

/** A bundler's failure as one of ours: what it says, without colours. */
export function buildError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const causes = (error as { errors?: unknown[] }).errors ?? [error]
  const text = causes
    .map((cause) =>
      plain(
        cause instanceof Error ? cause.message : String((cause as { message?: string }).message ?? cause),
      ),
    )
    .join('\n')
  // The entry's own imports are the app, unmoor, and drivers: only those of others can lack a name.
  const missing = /"(\w+)" is not exported by "([^"]+)"[^]*the generated entry/.exec(text)
  if (missing !== null)
    return configError(
      `The driver module ${missing[2]} has no export "${missing[1]}". A driver exports a factory for ` +
        `each kind that it serves: export const ${missing[1]} = (options, context) => ...`,
      error,
    )
  // Without the bundler's error as its cause, which holds the long lines once more.
  return new UnmoorError('InvalidArgument', `The app does not build:\n${text.trim()}`, { operation: 'build' })
}

/** What the bundler says, without colours and ids of ours, its lines cut. */
export function plain(message: string): string {
  return shortLines(
    stripVTControlCharacters(message)
      .replaceAll(ENTRY_ID, 'the generated entry')
      .replaceAll('\\0unmoor:entry', 'the generated entry'),
  )
}

/**
 * The text with each line cut to {@link MOST} characters. A line of code is cut around the place that the
 * line of marks below it points at, and the marks move along.
 */
export function shortLines(text: string): string {
  const lines = text.split('\n')
  const shown: string[] = []
  // How many characters the code above has lost at its beginning, and where its text begins.
  let lost = 0
  let margin = 0
  for (const [index, line] of lines.entries()) {
    const code = /^\s*\d+ [│|] /.exec(line)
    if (code === null && lost > 0 && /^\s*[│·|]/.test(line)) {
      shown.push(cut(line.slice(0, margin) + line.slice(margin + lost)))
      continue
    }
    lost = 0
    if (code !== null && line.length > MOST) {
      margin = code[0].length
      const marks = lines[index + 1] ?? ''
      const at = marks.slice(margin).search(/\S/)
      lost = at < 0 ? 0 : Math.max(0, at - BEFORE)
      shown.push(cut(line.slice(0, margin) + line.slice(margin + lost)))
    } else shown.push(cut(line))
  }
  return shown.join('\n')
}

function cut(line: string): string {
  return line.length <= MOST ? line : `${line.slice(0, MOST)}…`
}
