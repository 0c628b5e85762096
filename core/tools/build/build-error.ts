import { resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { UnmoorError } from '../../errors.ts'
import { configError } from './config-check.ts'
import { ENTRY_ID } from './resolve-plugin.ts'

/**
 * Maximum number of characters printed of one line of a bundler's error. The only line of a minified file may
 * be megabytes long.
 */
const MOST = 200
/** Characters printed before the position that the code frame in a bundler's error marks. */
const BEFORE = 80

/** Turns a failure of the bundler into an `UnmoorError` with the bundler's message, without colours. */
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
  // The generated entry imports the app, unmoor and drivers. Only a user's own driver can lack an export that
  // the entry imports.
  const missing = /"(\w+)" is not exported by "([^"]+)"[^]*the generated entry/.exec(text)
  if (missing !== null)
    return configError(
      `The driver module ${missing[2]} has no export "${missing[1]}". A driver exports a factory for ` +
        `each kind that it serves: export const ${missing[1]} = (options, context) => ...`,
      error,
    )
  // The bundler's error is not kept as `cause`, since a printed cause would show its overlong lines again.
  return new UnmoorError('InvalidArgument', `The app does not build:\n${text.trim()}`, { operation: 'build' })
}

/** Lists the files without a default export of which a module imports one, from the bundler's error. */
export function filesWithoutDefault(error: unknown, projectDir: string): string[] {
  const causes = (error as { errors?: unknown[] } | undefined)?.errors ?? []
  return causes.flatMap((cause) => {
    const { code, message } = cause as { code?: unknown; message?: unknown }
    const file = /"default" is not exported by "([^"]+)"/.exec(stripVTControlCharacters(String(message)))?.[1]
    return code === 'MISSING_EXPORT' && file !== undefined ? [resolve(projectDir, file)] : []
  })
}

/** A bundler's error message without colours and internal module ids, with its lines shortened. */
export function plain(message: string): string {
  return shortLines(
    stripVTControlCharacters(message)
      .replaceAll(ENTRY_ID, 'the generated entry')
      .replaceAll('\\0unmoor:entry', 'the generated entry'),
  )
}

/**
 * Cuts each line of a bundler's error message to {@link MOST} characters. A line of a code frame is cut
 * around the position that the marks below point at, and the marks move along.
 */
export function shortLines(text: string): string {
  const lines = text.split('\n')
  const shown: string[] = []
  // State of shortening a bundler's code frame. `lost`: characters cut from the start of the previous line of
  // code. `margin`: column where its code starts.
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
