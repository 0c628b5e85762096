import type { StartOptions } from '../../../../core/adapter.ts'
import { socketBindings, socketsVariable } from '../../build/function-settings.ts'
import type { LambdaOptions } from '../../options.ts'
import { createGateway, type GatewayOptions } from './gateway.ts'

/** The WebSocket APIs of a local start of Lambda. */
export interface StartedGateway {
  /** Variables that tell the function the URLs of its WebSocket APIs. */
  readonly variables: Readonly<Record<string, string>>
  /** URLs to which WebSocket clients connect, by the path in the declaration. */
  readonly urls: Readonly<Record<string, string>>
  /** Stops the local API Gateway; may be called twice. */
  readonly stop: () => Promise<void>
}

/** Starts a local WebSocket API for each sockets binding; undefined if there are none. */
export async function startGateway(
  options: StartOptions,
  { timeout }: Required<LambdaOptions>,
  invoke: GatewayOptions['invoke'],
): Promise<StartedGateway | undefined> {
  const { manifest } = options.info
  const stages = socketBindings(manifest)
  if (stages.length === 0) return undefined
  const gateway = await createGateway({
    host: options.host ?? '127.0.0.1',
    stages,
    invoke,
    patience: (timeout + 1) * 1000,
    onError: (message) => options.onOutput?.(message),
  })
  const urls: Record<string, string> = {}
  const variables: Record<string, string> = {}
  for (const stage of stages) {
    const url = gateway.url(stage)
    const declaration = manifest.bindings[stage]
    if (declaration?.kind === 'sockets') urls[declaration.path] = url
    variables[socketsVariable(stage)] = url
    options.log.info(`sockets ${stage}: ${url}`)
  }
  let stopped: Promise<void> | undefined
  return { variables, urls, stop: () => (stopped ??= gateway.stop()) }
}
