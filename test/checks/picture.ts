import { posix } from 'node:path'
import type { CheckedModule } from './shape-rules.ts'

/** The rooms of the house that the picture shows, by the frame that each stands in. A folder's inner rooms come first. */
const FRAMES: Readonly<Record<string, readonly string[]>> = {
  tools: ['cli', 'conformance', 'compare', 'data', 'testing', 'check', 'build'].map(
    (room) => `core/tools/${room}`,
  ),
  adapters: ['isolate/host', 'isolate', 'lambda', 'cloudflare', 'node', 'node-server', 'drivers'].map(
    (room) => `adapters/${room}`,
  ),
  contract: ['core/compat', 'core/runtime', 'core/bindings', 'core'],
}
/** Rooms that nearly all others import: their arrows would hide the rest. */
const GROUND: ReadonlySet<string> = new Set(['core/runtime', 'core/bindings', 'core'])

const rooms = Object.values(FRAMES).flat()
const roomOf = (path: string): string | undefined => rooms.find((room) => path.startsWith(`${room}/`))
const idOf = (room: string): string => room.replaceAll(/[^a-z]/g, '_')

/**
 * Draws the architecture as a Mermaid flowchart: an arrow is at least one import, of a value, of the one room by the
 * other. Counts are left out so that the picture changes only when the architecture does.
 *
 * @param modules - Modules by their paths from the root.
 * @returns A fenced block of Markdown.
 */
export function drawPicture(modules: ReadonlyMap<string, CheckedModule>): string {
  const arrows = new Set<string>()
  for (const [path, { imports }] of modules) {
    const from = roomOf(path)
    if (from === undefined || GROUND.has(from)) continue
    for (const { specifier, typeOnly } of imports) {
      if (typeOnly || !specifier.startsWith('.')) continue
      const to = roomOf(posix.join(posix.dirname(path), specifier))
      if (to !== undefined && to !== from && !GROUND.has(to)) arrows.add(`  ${idOf(from)} --> ${idOf(to)}`)
    }
  }
  const frames = Object.entries(FRAMES).flatMap(([frame, inside]) => [
    `  subgraph ${frame}`,
    ...inside.map((room) => `    ${idOf(room)}["${room}"]`),
    '  end',
  ])
  const ground = ['tools', 'adapters', 'core_compat'].map((frame) => `  ${frame} -.-> core`)
  return ['```mermaid', 'flowchart LR', ...frames, ...[...arrows].sort(), ...ground, '```'].join('\n')
}

/** Finds the picture in a page, between its two marks. @throws if the page lacks one of them. */
export function findPicture(page: string): { start: number; end: number } {
  const [open, close] = ['<!-- picture -->\n', '\n<!-- /picture -->']
  const start = page.indexOf(open)
  const end = page.indexOf(close)
  if (start < 0 || end < start) throw new Error(`The page has no ${open.trim()} ... ${close.trim()}.`)
  return { start: start + open.length, end }
}
