import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { AnyConfig } from '../../core/config.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import { appSource, bareAdapter, tempProject } from './temp-project.ts'

const ONE = `export class Failure extends Error { constructor(message) { super(message); this.name = this.constructor.name } }
export class Counts { static label = this.name; static { this.block = this.name } static made = new Counts().constructor.name }
export default class {}
export function work() {}
export const arrow = () => {}
`
const TWO = `export class Failure extends Error { static kind = this.name; static self = Failure.name }
export class HasName { static name = 'own' }
export class HasMethod { static name() { return 'method' } }
export default function () {}
export function work() { return 1 }
export const arrow = async () => {}
export const Expression = class {}
export const Named = class Inner { static me = Inner.name }
export class Fields { run = () => {}; static Part = class {} }
`
const NAMES = `[
  one.Failure.name, new one.Failure('x').name, one.Counts.label, one.Counts.block, one.Counts.made,
  one.default.name, one.work.name, one.arrow.name,
  two.Failure.name, two.Failure.kind, two.Failure.self, two.HasName.name, two.HasMethod.name(), two.default.name,
  two.work.name, two.arrow.name, two.Expression.name, two.Named.name, two.Named.me, new two.Fields().run.name,
  two.Fields.Part.name, three.Thing.name, three.work.name, three.None.name, four.name, four.own,
]`
const FILES = {
  'src/one.js': ONE,
  'src/two.js': TWO,
  'node_modules/three/package.json': '{ "name": "three", "main": "index.js" }',
  'node_modules/three/index.js': `class Thing {}\nfunction work() {}\nmodule.exports = { Thing, work, None: class {} }`,
  'node_modules/four/package.json': '{ "name": "four", "main": "index.js" }',
  'node_modules/four/index.js': `module.exports = class Thing { static own = this.name }`,
}
const IMPORTS = `import * as one from './one.js'\nimport * as two from './two.js'\nimport three from 'three'\nimport four from 'four'\n`

test.each([true, false])(
  'names of classes and functions are those of the source, minify %s',
  async (minify) => {
    await using project = await tempProject({
      ...FILES,
      'src/app.ts': appSource({ before: `${IMPORTS}globalThis.names = ${NAMES}` }),
    })
    const config: AnyConfig = { minify }
    await writeFile(join(project.dir, 'src/plain.mjs'), `${IMPORTS}console.log(JSON.stringify(${NAMES}))`)
    await buildApp({ projectDir: project.dir, target: 'bare', adapter: bareAdapter(), config })
    await import(/* @vite-ignore */ join(project.dir, '.unmoor/bare/app.mjs'))
    // The same modules as they are, in a plain Node.
    const plain = execFileSync(process.execPath, [join(project.dir, 'src/plain.mjs')], { encoding: 'utf8' })
    expect((globalThis as { names?: unknown }).names).toEqual(JSON.parse(plain))
  },
)
