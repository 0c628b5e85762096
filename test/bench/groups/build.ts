/** The example built for all four targets by the command, in a fresh process each time; the floor is a bare rolldown bundle of the app per target. */
import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BenchGroup, summarize } from '../bench.ts'

const TARGETS = ['node', 'cloudflare', 'lambda', 'isolate']
const checkout = fileURLToPath(new URL('../../../', import.meta.url))
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export const buildGroup: BenchGroup = {
  name: 'build',
  ids: ['build.all'],
  async run({ rounds, log }) {
    const project = await copyExample()
    try {
      const contenders: readonly [string, readonly string[]][] = [
        ['ours', [join(checkout, 'dist/core/cli/main.js'), 'build', '--target', ...TARGETS, '--project', project]],
        ['rolldown', [here('../servers/rolldown.ts'), join(project, 'src/app.ts'), join(project, 'bare'), String(TARGETS.length)]],
      ]
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
      return [summarize('build.all', 'ms', figures)]
    } finally {
      await rm(project, { recursive: true, force: true })
    }
  },
}

/** The example as a project of its own, so that no other work in the checkout meets its artifacts. */
async function copyExample(): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), 'unmoor-bench-'))
  await cp(join(checkout, 'examples/links'), project, { recursive: true, filter: (source) => !['.unmoor', 'node_modules'].includes(basename(source)) })
  await mkdir(join(project, 'node_modules'))
  await symlink(checkout, join(project, 'node_modules/unmoor'))
  await symlink(join(checkout, 'node_modules/hono'), join(project, 'node_modules/hono'))
  return project
}

/** Milliseconds from start to end of a node process. */
function timed(args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    let text = ''
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0 ? resolve(performance.now() - begun) : reject(new Error(`node ${args.join(' ')} ended with code ${code}:\n${text}`)),
    )
  })
}
