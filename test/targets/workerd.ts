import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Miniflare, MiniflareWorkerConfig } from 'miniflare'
import { rolldown } from 'rolldown'
import { loadMiniflare } from '../../adapters/cloudflare/local/miniflare.ts'

/** workerd with a Worker of one module, over Miniflare's simulators. */
export function startModule(
  contents: string,
  config: Pick<MiniflareWorkerConfig, 'env' | 'exports'>,
): Miniflare {
  const { miniflare } = loadMiniflare()
  const manifest = { mainModule: 'main.js', modules: { 'main.js': { type: 'esm' as const, contents } } }
  return new miniflare.Miniflare({
    workers: [
      {
        config: {
          name: 'test',
          compatibilityDate: '2026-07-30',
          compatibilityFlags: ['nodejs_compat'],
          manifest,
          ...config,
        },
      },
    ],
    cf: false,
  })
}

/** A Worker of this folder as one module. */
export async function bundleWorker(file: string): Promise<string> {
  const bundle = await rolldown({
    input: fileURLToPath(new URL(file, import.meta.url)),
    external: [/^cloudflare:/, /^node:/],
    logLevel: 'silent',
  })
  const { output } = await bundle.generate({ format: 'esm' })
  await bundle.close()
  return output[0].code
}

/**
 * Sends a body to the Worker and reads its JSON. Each call has a connection of its own: workerd closes one
 * that idles for 5 seconds, which may meet the next call where that took long to prepare.
 */
export async function post(mf: Miniflare, body: string): Promise<unknown> {
  const sent = httpRequest(await mf.ready, { method: 'POST', agent: false }).end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return json(answer)
}
