/** An error of the app as Vite's overlay in the browser shows it. */
import { readFileSync } from 'node:fs'
import { isAbsolute, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The `err` of Vite's error payload. */
export interface OverlayError {
  message: string
  stack: string
  plugin: string
  id?: string
  frame?: string
  loc?: { file: string; line: number; column: number }
}

/** Lines of code that a frame shows on each side of the marked one. */
const AROUND = 2
/** A place in a file, such as `src/app.ts:3:7`, `file:///app/src/app.ts:3:7` or `[ src/app.ts:3:7 ]`. */
const PLACE = /((?:file:\/\/)?[^\s()[\]'"]+\.[cm]?[jt]sx?):(\d+):(\d+)/g

/**
 * Returns the overlay's error for a message of the dev loop, with the first place in a file of the project
 * that the message names, and the code there.
 */
export function overlayError(message: string, projectDir: string): OverlayError {
  const [first = '', ...rest] = message.split('\n')
  const error: OverlayError = { message: first, stack: rest.join('\n'), plugin: 'unmoor' }
  for (const [, name = '', line = '', column = ''] of message.matchAll(PLACE)) {
    const file = resolve(projectDir, name.startsWith('file://') ? fileURLToPath(name) : name)
    const within = relative(projectDir, file)
    if (within.startsWith('..') || isAbsolute(within) || /(^|[\\/])(node_modules|\.unmoor)[\\/]/.test(within))
      continue
    const frame = frameOf(file, Number(line), Number(column))
    if (frame === undefined) continue
    return { ...error, id: file, frame, loc: { file, line: Number(line), column: Number(column) } }
  }
  return error
}

function frameOf(file: string, line: number, column: number): string | undefined {
  let lines: string[]
  try {
    lines = readFileSync(file, 'utf8').split('\n')
  } catch {
    return undefined
  }
  if (line > lines.length) return undefined
  const from = Math.max(1, line - AROUND)
  const width = String(line + AROUND).length
  return lines
    .slice(from - 1, line + AROUND)
    .flatMap((text, index) => {
      const number = from + index
      const shown = `${String(number).padStart(width)} | ${text}`
      return number === line
        ? [shown, `${' '.repeat(width)} | ${' '.repeat(Math.max(0, column - 1))}^`]
        : shown
    })
    .join('\n')
}
