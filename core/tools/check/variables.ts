/** Rule of `unmoor check` that reports required secrets and variables that the env file does not set. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { constantCase } from '../../bindings/declarations.ts'
import { readEnvFile } from '../build/variables.ts'
import { declaredBindings } from './bindings.ts'
import type { CheckContext } from './context.ts'

/**
 * Looks for an app's required variables in the env file `envFile`, else in the project's `.env`, and in the
 * environment. Without an env file nothing is reported.
 */
export async function checkVariables(context: CheckContext, envFile: string | undefined): Promise<void> {
  const path = envFile === undefined ? join(context.project.projectDir, '.env') : resolve(envFile)
  if (envFile === undefined && !existsSync(path)) return
  const given = { ...(await readEnvFile(path, envFile !== undefined)), ...process.env }
  for (const [name, declaration] of Object.entries(context.manifest?.bindings ?? {})) {
    const needed =
      (declaration.kind === 'secret' && !declaration.optional) ||
      (declaration.kind === 'variable' && declaration.default === undefined)
    const variable = constantCase(name)
    if (!needed || given[variable] !== undefined) continue
    for (const file of context.modules.values()) {
      const node = declaredBindings(file.program).get(name)?.node
      if (node === undefined) continue
      context.add(file, [
        {
          rule: 'secret-missing',
          at: node.start,
          length: name.length,
          severity: 'warning',
          message:
            `${variable} is neither in ${envFile ?? '.env'} nor in the environment: the app does ` +
            'not start without it.',
        },
      ])
    }
  }
}
