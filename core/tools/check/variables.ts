/** Reports required secrets and variables that the env file does not set. */
import { constantCase } from '../../bindings/declarations.ts'
import { readEnvFiles } from '../build/variables.ts'
import { declaredBindings } from './bindings.ts'
import type { CheckContext } from './context.ts'

/**
 * Looks for required variables in the env file `envFile`, else in the project's own env files, and in the
 * environment of the process. Without an env file nothing is reported.
 */
export async function checkVariables(context: CheckContext, envFile: string | undefined): Promise<void> {
  const { projectDir, environment } = context.project
  const { variables, files } = await readEnvFiles(projectDir, { named: envFile, environment })
  if (files.length === 0) return
  const given: NodeJS.ProcessEnv = { ...variables, ...process.env }
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
            `${variable} is neither in ${files.join(', ')} nor in the environment: the app does ` +
            'not start without it.',
        },
      ])
    }
  }
}
