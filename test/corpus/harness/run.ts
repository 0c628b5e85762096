import { sendAll } from './client.ts'
import { comparable, differences, type Replacements } from './compare.ts'
import { startControl } from './control.ts'
import type { Answer, Answers, NamedLibrary, Target } from './library.ts'
import { failure, lastLines, messageOf, type Result, wrongAnswers } from './results.ts'
import { missingService, openSpaces } from './services/index.ts'
import { loadApp, runTarget } from './target.ts'
import type { Project } from 'unmoor/build'
import { startUpstream } from './upstream.ts'

interface Control {
  answers: Answers
  replacements: Replacements
}

/**
 * Asks the control and then every target, side by side.
 *
 * @returns why nothing was run; undefined where it was.
 */
export async function runLibrary(
  library: NamedLibrary,
  targets: readonly Target[],
  onResult: (result: Result) => Promise<void>,
): Promise<string | undefined> {
  const skipped = await missingService(library.services ?? [])
  if (skipped !== undefined) return skipped
  const upstream = await startUpstream(library.upstream)
  try {
    const [control, project] = await Promise.all([
      askControl(library, upstream.variables).catch((error: unknown) => [messageOf(error)]),
      loadApp(library).catch((error: unknown) => [messageOf(error)]),
    ])
    const ask = (target: Target): Result | Promise<Result> => {
      if (Array.isArray(control)) return failure(library, target, 'control', control)
      if (Array.isArray(project)) return failure(library, target, 'build', project)
      return askTarget(library, target, { control, project, upstream: upstream.variables })
    }
    await Promise.all(targets.map(async (target) => onResult(await ask(target))))
    return undefined
  } finally {
    await upstream.close()
  }
}

type Variables = Readonly<Record<string, string>>

/** @returns the control's answers, or what is wrong with them. */
async function askControl(library: NamedLibrary, upstream: Variables): Promise<Control | string[]> {
  return inSpace(library, 'control', upstream, async (variables) => {
    const control = await startControl(library, variables)
    try {
      const answers = await sendAll(control.url, library.requests)
      const wrong = wrongAnswers(library.requests, answers)
      if (wrong.length > 0) return [...wrong, ...lastLines(control.output())]
      return { answers, replacements: replacementsFor(library, control.url, variables) }
    } finally {
      await control.stop()
    }
  })
}

async function askTarget(
  library: NamedLibrary,
  target: Target,
  { control, project, upstream }: { control: Control; project: Project; upstream: Variables },
): Promise<Result> {
  const total = library.requests.length
  const refusal = library.refused?.[target]
  try {
    return await inSpace(library, target, upstream, async (variables) => {
      const run = await runTarget(library, target, { project, variables })
      if (run.kind === 'refused') {
        if (refusal !== undefined && run.message.includes(refusal.names))
          return { target, total, failures: [], declared: total, reason: refusal.reason }
        return failure(library, target, 'build', [
          ...(refusal === undefined ? [] : [`it is declared that the build names "${refusal.names}"`]),
          run.message,
        ])
      }
      if (refusal !== undefined)
        return failure(library, target, 'build', ['the build is declared to refuse the app, and does not'])
      const replacements = replacementsFor(library, run.url, variables)
      const failures = library.requests.flatMap(({ name }) => {
        const lines = differences(
          comparable(run.answers[name] as Answer, replacements),
          comparable(control.answers[name] as Answer, control.replacements),
        )
        return lines.length === 0 ? [] : [{ name, failed: 1, lines }]
      })
      const last = failures.at(-1)
      if (last !== undefined) last.lines = [...last.lines, ...lastLines(run.output())]
      return { target, total, failures, declared: 0 }
    })
  } catch (error) {
    return failure(library, target, 'start', [messageOf(error)])
  }
}

let spaces = 0

/** Runs `work` with variables of its own, by which no other app or target sees its data. */
async function inSpace<Value>(
  library: NamedLibrary,
  user: string,
  upstream: Variables,
  work: (variables: Variables) => Promise<Value>,
): Promise<Value> {
  const name = `corpus_${library.name.replaceAll('-', '_')}_${user}_${process.pid}_${++spaces}`
  const space = await openSpaces(library.services ?? [], name)
  try {
    return await work({ ...library.variables, ...upstream, ...space.variables })
  } finally {
    await space.close()
  }
}

function replacementsFor(library: NamedLibrary, url: string, variables: Variables): Replacements {
  const own = new Set(Object.keys(library.variables ?? {}))
  return [
    [url, '<origin>'],
    [encodeURIComponent(url), '<origin>'],
    [new URL(url).host, '<host>'],
    // What the harness made up; what the library's own variables hold is the same everywhere.
    ...Object.entries(variables)
      .filter(([name]) => !own.has(name))
      .map(([name, value]) => [value, `<${name}>`] as const),
    ...(library.mask ?? []).map((pattern) => [pattern, '<masked>'] as const),
  ]
}
