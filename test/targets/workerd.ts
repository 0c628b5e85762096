import type { Miniflare, MiniflareWorkerConfig } from 'miniflare'
import { loadMiniflare } from '../../adapters/cloudflare/local/miniflare.ts'

/** workerd with a Worker of one module, over Miniflare's simulators. */
export function startModule(
  contents: string,
  config: Pick<MiniflareWorkerConfig, 'env' | 'exports'>,
): Miniflare {
  const { miniflare } = loadMiniflare()
  const manifest = { mainModule: 'main.js', modules: { 'main.js': { type: 'esm' as const, contents } } }
  return new miniflare.Miniflare({
    workers: [{ config: { name: 'test', compatibilityDate: '2026-07-30', manifest, ...config } }],
    cf: false,
  })
}
