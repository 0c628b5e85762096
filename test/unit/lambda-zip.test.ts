/** A zip package: what is in it, and the file of the deploy CLI. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createZip } from '../../adapters/lambda/build/zip.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import { runUnmoor } from './cli-process.ts'
import { tempProject } from './temp-project.ts'

const APP = `import { assets, defineApp, defineBindings, queue, secret, variable } from 'unmoor'
const bindings = defineBindings({ jobs: queue(), apiKey: secret(), hint: secret({ optional: true }), days: variable({ default: '90' }), site: assets({ directory: './public' }) })
export default defineApp({ bindings, fetch: () => new Response('ok'), queues: { jobs() {} } })
`
const FILES = { 'src/app.ts': APP, 'public/a ä.txt': 'text', 'public/deep/b.bin': '\0\u0001' }
const hasPython = spawnSync('python3', ['--version']).status === 0

describe('a zip', () => {
  it.runIf(hasPython)('is read by others, names and bytes', async () => {
    await using project = await tempProject({})
    const file = join(project.dir, 'x.zip')
    const big = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 251))
    await writeFile(
      file,
      createZip([
        { path: 'z/ü.txt', data: Buffer.from('ü') },
        { path: 'empty', data: Buffer.alloc(0) },
        { path: 'big', data: big },
      ]),
    )
    const script =
      'import sys,zipfile,json;z=zipfile.ZipFile(sys.argv[1]);print(json.dumps([z.testzip(),[[i.filename,i.file_size,oct(i.external_attr>>16),i.date_time[0]] for i in z.infolist()],z.read("z/ü.txt").decode()]))'
    const [bad, entries, text] = JSON.parse(
      execFileSync('python3', ['-c', script, file], { encoding: 'utf8' }),
    ) as [string | null, unknown[], string]
    expect(bad).toBeNull()
    expect(text).toBe('ü')
    expect(entries).toEqual([
      ['big', 300_000, '0o100644', 1980],
      ['empty', 0, '0o100644', 1980],
      ['z/ü.txt', 2, '0o100644', 1980],
    ])
  })
})

describe('--package zip', () => {
  it('writes the same zip in every build, a .lambda file, and a template that takes it', async () => {
    await using project = await tempProject(FILES)
    const warnings: string[] = []
    const log = { info() {}, warn: (line: string) => void warnings.push(line) }
    const options = {
      package: 'zip',
      variables: { JOBS_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/1/jobs' },
      region: 'eu-west-1',
    }
    const build = async (outDir: string): Promise<string> =>
      (
        await buildApp({
          projectDir: project.dir,
          target: 'lambda',
          targetOptions: { lambda: options },
          outDir,
          log,
        })
      ).outDir
    const [first, second] = [await build('one'), await build('two')]
    const zip = await readFile(join(first, 'function.zip'))
    expect(zip.equals(await readFile(join(second, 'function.zip')))).toBe(true)
    for (const name of ['index.mjs', 'assets/deep/b.bin', 'assets/a ä.txt'])
      expect(zip.includes(name)).toBe(true)
    expect(JSON.parse(await readFile(join(first, 'package.json'), 'utf8'))).toMatchObject({
      type: 'module',
      files: ['index.mjs', 'index.mjs.map', 'assets'],
    })

    const name = (
      JSON.parse(await readFile(join(first, 'unmoor.json'), 'utf8')) as { manifest: { name: string } }
    ).manifest.name
    const file = await readFile(join(first, `${name}.lambda`), 'utf8')
    for (const line of [
      'Runtime: nodejs24.x',
      'Handler: index.handler',
      'AWS_REGION: eu-west-1',
      'JOBS_QUEUE_URL: https://',
      'Ref: env.LAMBDA_ROLE',
      'PATH: "."',
    ])
      expect(file).toContain(line)
    // What is not known is named, and a secret never stands in the file.
    expect(file).toContain('#   API_KEY: a secret of the app')
    expect(file).not.toMatch(/^ +(API_KEY|HINT):/m)
    expect(warnings.join()).toContain('sets no API_KEY:')

    const template = await readFile(join(first, 'template.yaml'), 'utf8')
    expect(template).toContain('CodeUri: "./function.zip"')
    expect(template).toContain('Runtime: nodejs24.x')
    expect(template).not.toContain('ImageUri')
  })

  it('is an option of the command, for Lambda only', async () => {
    await using project = await tempProject(FILES)
    expect(
      await runUnmoor(['build', '--target', 'lambda', '--package', 'zip'], { cwd: project.dir }),
    ).toMatchObject({ code: 0 })
    expect((await readFile(join(project.dir, '.unmoor/lambda/function.zip'))).subarray(0, 2).toString()).toBe(
      'PK',
    )
    const wrong = await runUnmoor(['build', '--target', 'lambda', '--package', 'tar'], { cwd: project.dir })
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/options\.package is "tar"; it takes "image" or "zip"/),
    })
    const other = await runUnmoor(['build', '--target', 'node', '--package', 'zip'], { cwd: project.dir })
    expect(other).toMatchObject({ code: 2, stderr: expect.stringMatching(/use it with --target lambda/) })
  })
})
