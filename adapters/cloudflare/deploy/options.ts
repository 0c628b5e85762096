import { type DeployOptions, deployOptions } from '../../../core/deploy.ts'
import type { OptionTable } from '../../../core/option-table.ts'

/**
 * `targets.cloudflare.deploy` in unmoor.config.ts; every option is optional. `url` is by default the Worker's
 * first custom domain, or else its address on workers.dev.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   targets: { cloudflare: { deploy: { url: 'https://links.example.com', smoke: ['/health'], watch: 60 } } },
 * })
 * ```
 */
export interface CloudflareDeployOptions extends DeployOptions {}

export const cloudflareDeployOptions = { ...deployOptions } satisfies OptionTable<CloudflareDeployOptions>
