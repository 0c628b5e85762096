/** Modules of the isolate that serve Node built-ins have each name that Node's have. */
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { expect, test } from 'vitest'
import { NODE_SHIMS } from '../../adapters/isolate/build/node-shims.ts'

const ADAPTER = join(import.meta.dirname, '../../adapters/isolate')
/**
 * The class of the platform, which an isolate makes only when it is asked for, what a process with a channel
 * to its parent has, and `events.init`, which only Node calls.
 */
const OTHERS = ['URLPattern', 'send', 'disconnect', 'emit', 'init']

async function exportsOf(shim: string): Promise<readonly string[]> {
  const bundle = await rolldown({
    input: join(ADAPTER, `${shim}.ts`),
    treeshake: false,
    logLevel: 'silent',
    resolve: { conditionNames: ['import'], mainFields: ['module', 'main'] },
  })
  const { output } = await bundle.generate({ format: 'es' })
  await bundle.close()
  return output[0].exports
}

/** Functions and classes that Node exports. What it has of its own in `_NAME` is nobody's. */
function functionsOf(builtin: string): string[] {
  const module = process.getBuiltinModule(builtin) as unknown as Record<string, unknown>
  return Object.keys(module).filter(
    (name) => !name.startsWith('_') && !OTHERS.includes(name) && typeof module[name] === 'function',
  )
}

test.each(Object.entries(NODE_SHIMS))(
  '%s: an import of any of its functions builds, and who calls one that is not there is told',
  async (builtin, shim) => {
    const names = await exportsOf(shim)
    expect(functionsOf(builtin).filter((name) => !names.includes(name))).toEqual([])
  },
)
