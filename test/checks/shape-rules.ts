import { posix } from 'node:path'
import { findCircles, type Graph } from './circles.ts'
import type { Import, ModuleFacts } from './module-facts.ts'

/** A module that is checked, with its text. */
export type CheckedModule = ModuleFacts & { readonly text: string }

/**
 * Who may not import whom. Rooms are paths: a folder ends with `/`, and `node:` stands for Node's own
 * modules.
 */
export type Floor = { readonly name: string } & (
  | { readonly from: readonly string[]; readonly except?: readonly string[]; readonly to: readonly string[] }
  | { readonly apart: readonly string[] }
)

/** What the tree must look like. */
export interface Plan {
  readonly floors: readonly Floor[]
  /** Circles of types that may stay: all of a circle's modules begin with `in`. */
  readonly circles: readonly { readonly in: string; readonly why: string }[]
  readonly maxCircles: number
  readonly doubleCasts: { readonly in: readonly string[]; readonly most: number }
  readonly longLines: {
    readonly in: readonly string[]
    readonly width: number
    readonly most: number | undefined
  }
  /** Comments that switch these rules off. */
  readonly exceptions: { readonly rules: readonly string[]; readonly most: number }
  readonly maxFunctionLines: number
}

/** What {@link checkShape} found. */
export interface Shape {
  /** Each a line for people, with its place. */
  readonly problems: readonly string[]
  /** Counts, and what is listed rather than refused. */
  readonly notes: readonly string[]
}

/** Checks modules, by their paths from the root, against a plan. */
export function checkShape(modules: ReadonlyMap<string, CheckedModule>, plan: Plan): Shape {
  const problems: string[] = []
  const notes: string[] = []
  const within = (path: string, rooms: readonly string[]): boolean =>
    rooms.some((room) => path.startsWith(room))
  for (const floor of plan.floors) problems.push(...checkFloor(floor, modules))
  checkCircles(modules, plan, problems, notes)

  const casts = [...modules].flatMap(([path, { doubleCasts }]) =>
    within(path, plan.doubleCasts.in) ? doubleCasts.map((line) => `${path}:${line}`) : [],
  )
  notes.push(`casts through unknown: ${casts.length} of at most ${plan.doubleCasts.most}`)
  if (casts.length > plan.doubleCasts.most)
    problems.push(`Too many casts through unknown:\n  ${casts.join('\n  ')}`)

  const { width, most } = plan.longLines
  const long = [...modules].flatMap(([path, { text }]) =>
    within(path, plan.longLines.in)
      ? text.split('\n').flatMap((line, index) => (line.length > width ? [`${path}:${index + 1}`] : []))
      : [],
  )
  notes.push(
    `lines over ${width} columns: ${long.length}${most === undefined ? ' (not bounded)' : ` of at most ${most}`}`,
  )
  if (most !== undefined && long.length > most)
    problems.push(`Too many lines over ${width} columns:\n  ${long.join('\n  ')}`)

  for (const [path, { text }] of modules)
    for (const [index, line] of text.split('\n').entries())
      if (/^(?:<{7}|>{7}) /.test(line)) problems.push(`${path}:${index + 1}: the mark of a merge conflict`)

  checkExceptions(modules, plan, problems, notes)
  for (const [path, { longFunctions, disabled }] of modules) {
    if (!path.endsWith('.test.ts')) continue
    const excepted = new Set(
      disabled.flatMap(({ line, rules }) => (rules.includes('max-lines-per-function') ? [line + 1] : [])),
    )
    for (const { line, lines } of longFunctions.filter((long) => !excepted.has(long.line)))
      problems.push(
        `${path}:${line}: a function of ${lines} lines; ${plan.maxFunctionLines} are the most. Name its steps, or make several tests of it.`,
      )
  }
  return { problems, notes }
}

/** The modules that an import reaches: a path from the root, or the specifier of what lies outside. */
function target(path: string, { specifier }: Import): string {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier
}

function checkFloor(floor: Floor, modules: ReadonlyMap<string, CheckedModule>): string[] {
  const rooms = 'apart' in floor ? floor.apart : [...floor.from, ...(floor.except ?? []), ...floor.to]
  const problems = rooms
    .filter((room) => room !== 'node:' && ![...modules.keys()].some((path) => path.startsWith(room)))
    .map(
      (room) => `The plan names ${room}, where nothing lies ("${floor.name}"). Correct test/checks/shape.ts.`,
    )
  const roomOf = (path: string, all: readonly string[]): string | undefined =>
    all.find((room) => path.startsWith(room))
  for (const [path, { imports }] of modules) {
    const own = roomOf(path, 'apart' in floor ? floor.apart : floor.from)
    if (own === undefined || (!('apart' in floor) && roomOf(path, floor.except ?? []) !== undefined)) continue
    for (const one of imports) {
      const other = roomOf(target(path, one), 'apart' in floor ? floor.apart : floor.to)
      if (other !== undefined && !('apart' in floor && other === own))
        problems.push(`${path}:${one.line}: imports ${one.specifier}. ${floor.name}.`)
    }
  }
  return problems
}

function checkCircles(
  modules: ReadonlyMap<string, CheckedModule>,
  plan: Plan,
  problems: string[],
  notes: string[],
): void {
  const graphOf = (counts: (one: Import) => boolean): Graph =>
    new Map(
      [...modules].map(([path, { imports }]) => {
        const reached = imports.filter(counts).map((one) => target(path, one))
        return [path, new Set(reached.filter((other) => modules.has(other)))]
      }),
    )
  for (const circle of findCircles(graphOf(({ typeOnly }) => !typeOnly)))
    problems.push(`Modules import each other in a circle:\n  ${circle.join('\n  ')}`)
  const circles = findCircles(graphOf(() => true))
  for (const circle of circles) {
    const known = plan.circles.find((one) => circle.every((path) => path.startsWith(one.in)))
    const list = `  ${circle.join('\n  ')}`
    if (known === undefined)
      problems.push(`Modules import types of each other in a circle that the plan does not name:\n${list}`)
    else notes.push(`a circle of types in ${known.in}: ${circle.length} modules. ${known.why}`)
  }
  for (const { in: room } of plan.circles)
    if (!circles.some((circle) => circle.every((path) => path.startsWith(room))))
      problems.push(`The plan names a circle in ${room}, and there is none. Take it out.`)
  if (circles.length > plan.maxCircles)
    problems.push(`${circles.length} circles of types; ${plan.maxCircles} are the most.`)
}

function checkExceptions(
  modules: ReadonlyMap<string, CheckedModule>,
  plan: Plan,
  problems: string[],
  notes: string[],
): void {
  const { rules, most } = plan.exceptions
  const found: string[] = []
  for (const [path, { disabled }] of modules) {
    for (const comment of disabled) {
      const named = comment.rules.map((rule) => rule.replace(/^eslint\//, ''))
      // A comment that names no rule switches every one off.
      if (!named.some((rule) => rule === '' || rules.includes(rule))) continue
      found.push(`${path}:${comment.line}: ${named.join(', ')}: ${comment.reason}`)
      if (comment.reason === '')
        problems.push(`${path}:${comment.line}: an exception without a reason. Write it behind "--".`)
    }
  }
  notes.push(
    `exceptions to ${rules.join(', ')}: ${found.length} of at most ${most}`,
    ...found.map((line) => `  ${line}`),
  )
  if (found.length > most) problems.push(`${found.length} exceptions; ${most} are the most.`)
}
