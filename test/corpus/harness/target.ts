import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Log } from 'unmoor/adapter'
import { buildTarget, loadProject, type BuiltApp, type Project } from 'unmoor/build'
import { sendAll } from './client.ts'
import type { Answers, NamedLibrary, Target } from './library.ts'

/** What a library's app answered on a target, or that its build was refused. */
export type TargetRun =
  | { kind: 'answers'; url: string; answers: Answers; output(): string }
  | { kind: 'refused'; message: string }

/** Builds the library's app for the target, starts it on the target's own runtime, and asks it. */
export async function runTarget(
  library: NamedLibrary,
  target: Target,
  { project, variables }: { project: Project; variables: Readonly<Record<string, string>> },
): Promise<TargetRun> {
  const dir = await mkdtemp(join(tmpdir(), `unmoor-corpus-${library.name}-${target}-`))
  let output = ''
  const say = (line: string): void => void (output += `${line}\n`)
  const log: Log = { info() {}, warn: say }
  try {
    const built = await build(project, target, join(dir, 'artifact'), log)
    if ('message' in built) return { kind: 'refused', message: built.message }
    const runtime = await built.adapter.start({
      dir: built.outDir,
      info: built.info,
      dataDir: join(dir, 'data'),
      port: 0,
      variables,
      onOutput: say,
      log,
    })
    try {
      return {
        kind: 'answers',
        url: runtime.url,
        answers: await sendAll(runtime.url, library.requests),
        output: () => output,
      }
    } finally {
      await runtime.stop()
    }
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** A start that took longer than AWS gives is made once more, and then has this time. */
const LAMBDA = { timeout: 300 }

const ISOLATE = {
  // What the apps call runs on this machine.
  outbound: { allow: ['127.0.0.1', 'localhost'] },
  // Large libraries compile at their first request, and a busy machine takes more time for the same work.
  cpuMs: 20_000,
  startupTimeout: 60,
}

/** Reads the library's app as a project: once for all targets. */
export function loadApp(library: NamedLibrary): Promise<Project> {
  return loadProject(library.dir, {
    config: {
      name: library.name,
      entry: library.entry,
      targets: { isolate: { options: ISOLATE }, lambda: { options: LAMBDA } },
    },
  })
}

type Built = Omit<BuiltApp, 'ms'> | { message: string }

async function build(project: Project, target: Target, outDir: string, log: Log): Promise<Built> {
  try {
    return await buildTarget(project, { target, outDir, log })
  } catch (error) {
    return { message: error instanceof Error ? error.message : String(error) }
  }
}
