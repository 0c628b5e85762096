/**
 * The example built for all four targets by the command, in a fresh process each time; the floor is a bare
 * rolldown bundle of the app per target.
 */
import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BenchGroup, type BenchOptions, type BenchResult, runWanted, summarize } from '../bench.ts'
import { type Subject, subjectsOf } from '../subject.ts'

const TARGETS = ['node', 'cloudflare', 'lambda', 'isolate']
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export const buildGroup: BenchGroup = {
  name: 'build',
  ids: ['build.all'],
  run: (options) => runWanted(options, [['build.all', () => compare(options)]]),
}

async function compare(options: BenchOptions): Promise<BenchResult> {
  const { rounds, log } = options
  const projects: string[] = []
  const contenders: (readonly [string, readonly string[]])[] = []
  try {
    for (const subject of subjectsOf(options)) {
      const project = await copyExample(subject)
      projects.push(project)
      contenders.push([subject.name, [subject.cli, 'build', '--target', ...TARGETS, '--project', project]])
      if (options.base !== undefined) continue
      contenders.push([
        'rolldown',
        [
          here('../servers/rolldown.ts'),
          join(project, 'src/app.ts'),
          join(project, 'bare'),
          String(TARGETS.length),
        ],
      ])
    }
    const figures = new Map<string, number[]>(contenders.map(([name]) => [name, []]))
    // The first run reads cold files.
    for (const [, args] of contenders) await timed(args)
    for (let index = 0; index < rounds; index++) {
      for (let turn = 0; turn < contenders.length; turn++) {
        const [name, args] = contenders[(turn + index) % contenders.length] as (typeof contenders)[number]
        figures.get(name)?.push(await timed(args))
      }
      log(`build.all: round ${index + 1} of ${rounds}`)
    }
    return summarize('build.all', 'ms', figures)
  } finally {
    for (const project of projects) await rm(project, { recursive: true, force: true })
  }
}

/** The example as a project of its own, so that no other work in the checkout meets its artifacts. */
async function copyExample(subject: Subject): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), 'unmoor-bench-'))
  await cp(subject.rootFile('examples/links'), project, {
    recursive: true,
    filter: (source) => !['.unmoor', 'node_modules'].includes(basename(source)),
  })
  await mkdir(join(project, 'node_modules'))
  await symlink(subject.root, join(project, 'node_modules/unmoor'))
  await symlink(join(subject.root, 'node_modules/hono'), join(project, 'node_modules/hono'))
  return project
}

/** Milliseconds from start to end of a node process. */
function timed(args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    let text = ''
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0
        ? resolve(performance.now() - begun)
        : reject(new Error(`node ${args.join(' ')} ended with code ${code}:\n${text}`)),
    )
  })
}
