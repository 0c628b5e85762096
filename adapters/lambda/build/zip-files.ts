import { createHash } from 'node:crypto'
import type { Bundle, BuildContext } from '../../../core/adapter.ts'
import { readAppFiles } from './app-files.ts'
import { describeFunction } from './function-settings.ts'
import type { LambdaOptions } from '../options.ts'
import { toYaml } from './template/yaml.ts'
import { createZip } from './zip.ts'

/** AWS's managed Node.js runtime for a Lambda zip. */
export const ZIP_RUNTIME = 'nodejs24.x'
/**
 * Maximum bytes of a zip that Lambda accepts as a direct upload; a larger zip goes through S3, as with `aws
 * cloudformation package`.
 */
const UPLOAD_LIMIT = 50_000_000

/**
 * Writes function.zip, which is identical for identical input, and NAME.lambda for the `aws-lambda` deploy
 * CLI, with the package.json that tells that CLI what to pack.
 */
export async function writeZipFiles(
  context: BuildContext,
  bundle: Bundle,
  options: Required<LambdaOptions>,
): Promise<void> {
  const { name } = context.manifest
  // Nobody installs packages for a Lambda zip, so it contains those of this machine.
  const files = await readAppFiles(context.outDir, bundle.files, ['assets', 'node_modules'])
  const zip = createZip(files)
  await context.write('function.zip', zip)
  // The `aws-lambda` deploy CLI puts the names of packed files on a command line. The build chooses these
  // names; they contain no characters that a shell would interpret.
  const packed = [...new Set(files.map(({ path }) => path.split('/')[0]))]
  await context.write(
    'package.json',
    `${JSON.stringify({ name, private: true, type: 'module', files: packed }, null, 2)}\n`,
  )
  await context.write(`${name}.lambda`, deployFile(context, options))
  const digest = createHash('sha256').update(zip).digest('hex')
  context.log.info(`function.zip: ${(zip.byteLength / 1000).toFixed(0)} kB, sha256:${digest.slice(0, 12)}`)
  if (zip.byteLength > UPLOAD_LIMIT)
    context.log.warn(
      'function.zip is over 50 MB, so it must go by way of S3: deploy it with the template, or take ' +
        '--package image.',
    )
}

/**
 * Returns the `.lambda` file of the `aws-lambda` deploy CLI. In it, only `AWS_KEY`, `AWS_SECRET` and `Role`
 * can be references to the environment.
 */
function deployFile(context: BuildContext, options: Required<LambdaOptions>): string {
  const { manifest, log } = context
  const { handler, environment } = describeFunction(context, options)
  const variables: Record<string, string> = { UNMOOR_INVOKE_MODE: options.invokeMode }
  const open: string[] = []
  for (const [variable, what] of Object.entries(environment)) {
    const value = options.variables[variable]
    if (value !== undefined) variables[variable] = value
    else if (!what.includes('default: ') && !what.endsWith(', optional')) open.push(`${variable}: ${what}`)
  }
  if (open.length > 0) {
    log.warn(
      `${manifest.name}.lambda sets no ${open.map((line) => line.split(':')[0]).join(', ')}: give ` +
        'values in targets.lambda.options.variables (secrets: drivers secretsmanager or ssm), or deploy ' +
        'with template.yaml.',
    )
  }
  const config = {
    PATH: '.',
    AWS_KEY: { Ref: 'env.AWS_ACCESS_KEY_ID' },
    AWS_SECRET: { Ref: 'env.AWS_SECRET_ACCESS_KEY' },
    AWS_REGION: options.region,
    FunctionName: manifest.name,
    Role: { Ref: 'env.LAMBDA_ROLE' },
    Runtime: ZIP_RUNTIME,
    Handler: handler,
    MemorySize: 512,
    Timeout: options.timeout,
    Environment: { Variables: variables },
    Description: `${manifest.name}: written by unmoor; build again rather than edit.`,
  }
  const head = [
    `Deploy, from this folder: npx aws-lambda deploy ${manifest.name}.lambda, with AWS_ACCESS_KEY_ID, ` +
      `AWS_SECRET_ACCESS_KEY and LAMBDA_ROLE (the role's ARN) set.`,
    'It makes the function alone, and replaces all of its variables: event sources, URL and role are ' +
      'those of template.yaml.',
    ...(open.length > 0 ? ['Not set:', ...open.map((line) => `  ${line}`)] : []),
  ]
  return `${head.map((line) => `# ${line}`).join('\n')}${toYaml(config)}`
}
