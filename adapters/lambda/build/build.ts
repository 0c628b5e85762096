import type { BuildContext } from '../../../core/adapter.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { describeFunction, socketBindings } from './function-settings.ts'
import { writeImageFiles } from './image-files.ts'
import { type LambdaOptions, readOptions } from '../options.ts'
import { createPlainTemplate, createTemplate, describeParameters } from './template/template.ts'
import { writeZipFiles } from './zip-files.ts'

/**
 * Builds the artifact for Lambda: index.mjs (the app and the runtime in one file), its assets, the files of
 * an image or a zip, and lambda.json, which describes what the function needs on AWS.
 */
export async function build(context: BuildContext): Promise<void> {
  const options = readOptions(context.options)
  checkOrigins(context)
  const bundle = await context.bundle({
    entry: createEntry(context, options),
    file: 'index.mjs',
    lazyBuiltins: ['crypto', 'http', 'http2', 'https', 'tls'],
  })
  await context.copyAssets('assets')
  await (options.package === 'zip'
    ? writeZipFiles(context, bundle, options)
    : writeImageFiles(context, bundle))
  await context.write('template.yaml', createTemplate(context, options))
  await context.write('cloudformation.yaml', createPlainTemplate(context, options))
  const parameters = describeParameters(context, options)
  const described = { ...describeFunction(context, options), parameters }
  await context.write('lambda.json', `${JSON.stringify(described, null, 2)}\n`)
}

/**
 * Checks that every sockets binding of a Lambda app lists its allowed origins. An app's pages never have the
 * host of its WebSocket API, so without origins no page could connect.
 *
 * @throws `InvalidArgument` that names a sockets binding without origins.
 */
export function checkOrigins({ manifest }: Pick<BuildContext, 'manifest'>): void {
  for (const [binding, declaration] of Object.entries(manifest.bindings)) {
    if (declaration.kind !== 'sockets' || declaration.origins.length > 0) continue
    throw new UnmoorError(
      'InvalidArgument',
      `Sockets binding "${binding}": on Lambda sockets live on a host of their own, so pages that may ` +
        "connect must be named. Write sockets({ origins: ['https://example.com'] }) with the origins of " +
        'your pages.',
      { binding, operation: 'build' },
    )
  }
}

function createEntry(
  context: BuildContext,
  { invokeMode, trustProxy }: Pick<LambdaOptions, 'invokeMode' | 'trustProxy'>,
): string {
  const drivers = context.driverImports()
  const consumes = context.manifest.queues.length > 0
  const hasSockets = socketBindings(context.manifest).length > 0
  // The generated entry imports the run-time half first: it reports an app whose module throws, and replaces
  // globals before the app's modules read them.
  return [
    `import { createLambda } from 'unmoor/internal/lambda/runtime'`,
    ...(consumes ? [`import { decodeSqsRecord } from 'unmoor/drivers/sqs'`] : []),
    ...(hasSockets ? [`import { createLambdaSockets } from 'unmoor/internal/lambda/sockets'`] : []),
    ...(context.testChannel ? [`import { testChannel } from 'unmoor/test-channel'`] : []),
    drivers.imports,
    `import app from '#app'`,
    `export const { handler } = await createLambda({`,
    `  app,`,
    `  name: ${JSON.stringify(context.manifest.name)},`,
    `  drivers: ${drivers.object},`,
    `  dir: import.meta.dirname,`,
    `  main: import.meta.main,`,
    `  invokeMode: ${JSON.stringify(invokeMode)},`,
    ...(trustProxy === undefined || trustProxy === false
      ? []
      : [`  trustProxy: ${JSON.stringify(trustProxy)},`]),
    ...(consumes ? [`  decodeSqsRecord,`] : []),
    ...(hasSockets ? [`  sockets: createLambdaSockets,`] : []),
    ...(context.testChannel ? [`  testChannel,`] : []),
    `})`,
    ``,
  ].join('\n')
}
